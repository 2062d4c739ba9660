import { describe, expect, it } from "vitest";
import { Drafts } from "./drafts";

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
  it("keep a text per conversation until it is sent", () => {
    const store = memory();
    new Drafts(store, "me").set("a", { reply: "您好，", note: "", mode: "reply" });
    const later = new Drafts(store, "me");
    expect(later.get("a").reply).toBe("您好，");
    expect(later.begun("a")).toBe("您好，");
    expect(later.begun("b")).toBe("");
    later.set("a", { reply: "  ", note: "", mode: "reply" });
    expect(store.values.size).toBe(0);
  });

  it("never make a reply of a note", () => {
    const store = memory();
    const d = new Drafts(store, "me");
    d.set("a", { reply: "you get it tomorrow", note: "says so each time", mode: "note" });
    expect(d.get("a")).toEqual({ reply: "you get it tomorrow", note: "says so each time", mode: "note" });
  });

  it("show nobody what a colleague wrote at the same computer", () => {
    const store = memory();
    new Drafts(store, "me").set("a", { reply: "mine", note: "", mode: "reply" });
    expect(new Drafts(store, "you").begun("a")).toBe("");
    expect(new Drafts(store, "me").begun("a")).toBe("mine");
  });

  it("forget after a week what nobody came back to, and leave other keys alone", () => {
    const store = memory();
    store.setItem("theme", "dark");
    store.setItem("draft:broken", "{");
    const day = 24 * 3600 * 1000;
    const draft = { reply: "x", note: "", mode: "reply" } as const;
    new Drafts(store, "me", () => 0).set("old", draft);
    new Drafts(store, "me", () => 5 * day).set("new", draft);
    new Drafts(store, "you", () => 8 * day).sweep();
    expect([...store.values.keys()].sort()).toEqual(["draft:me:new", "theme"]);
  });
});
