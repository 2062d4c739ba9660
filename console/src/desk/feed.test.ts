import { describe, expect, it } from "vitest";
import type { Message } from "../api";
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
