import { describe, expect, it } from "vitest";
import type { Message } from "../api";
import { Drafts } from "./drafts";
import { merge } from "./feed";

const m = (seq: number, text: string, change = seq): Message => ({ seq, change, from: "customer", text, at: 0 });

describe("feed", () => {
  it("ends the same whatever the order and however often changes come", () => {
    const changes = [m(1, "a"), m(2, "b"), m(1, "a, revised", 3), m(3, "c", 4)];
    for (const order of [changes, changes.toReversed(), [...changes, ...changes]]) {
      const all = order.reduce<readonly Message[]>((known, x) => merge(known, [x]), []);
      expect(all.map((x) => x.text)).toEqual(["a, revised", "b", "c"]);
    }
  });

  it("is the same list when nothing changed, so that nothing is drawn again", () => {
    const known = [m(1, "a")];
    expect(merge(known, [m(1, "a")])).toBe(known);
    expect(merge(known, [])).toBe(known);
  });

});

function memory() {
  const values = new Map<string, string>();
  return {
    values,
    getItem: (k: string) => values.get(k) ?? null,
    setItem: (k: string, v: string) => void values.set(k, v),
    removeItem: (k: string) => void values.delete(k),
    get length() {
      return values.size;
    },
    key: (i: number) => [...values.keys()][i] ?? null,
  };
}

describe("drafts", () => {
  it("keeps a text per conversation until it is sent", () => {
    const store = memory();
    new Drafts(store).set("a", "您好，");
    const later = new Drafts(store);
    expect(later.get("a")).toBe("您好，");
    expect(later.get("b")).toBe("");
    later.set("a", "  ");
    expect(store.values.size).toBe(0);
  });

  it("forgets after a week what nobody came back to, and leaves other keys alone", () => {
    const store = memory();
    store.setItem("theme", "dark");
    store.setItem("draft:broken", "{");
    const day = 24 * 3600 * 1000;
    new Drafts(store, () => 0).set("old", "x");
    new Drafts(store, () => 5 * day).set("new", "y");
    new Drafts(store, () => 8 * day).sweep();
    expect([...store.values.keys()].sort()).toEqual(["draft:new", "theme"]);
  });
});
