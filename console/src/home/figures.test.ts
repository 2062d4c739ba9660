import { describe, expect, it } from "vitest";
import type { HomeDay } from "../api";
import { endings, span, sum, values } from "./figures";

const none = { conversations: 0, messages: 0, answered: 0, clarified: 0, not_known: 0, handed_over: 0, solved: 0, not_solved: 0, first_response_ms: 0 };
const ended = { closed: 0, confirmed: 0, assumed: 0, left: 0, handed_over: 0, not_known: 0 };
const days: HomeDay[] = [
  { ...none, date: "2026-03-28", handed_over: 4, ended: { ...ended, closed: 3, handed_over: 1 } },
  { ...none, date: "2026-03-29", handed_over: 2, ended: { ...ended, closed: 2, confirmed: 2 } },
];

describe("figures of the home page", () => {
  it("keeps what happened and how it ended apart", () => {
    expect(sum(days, (d) => d.handed_over)).toBe(6);
    expect(sum(days, (d) => d.ended.handed_over)).toBe(1);
    expect(values(days, (d) => d.ended.closed)).toEqual([3, 2]);
  });
  it("opens each ending by its own figure", () => expect(new Set(endings.map((e) => e.figure)).size).toBe(endings.length));
  it("spans whole days of the reader's zone, the one when clocks change included", () => {
    const one = span("2026-03-29", "2026-03-29", "Europe/Berlin");
    expect([one.from, one.to].map((us) => new Date(Number(us) / 1000).toISOString())).toEqual(["2026-03-28T23:00:00.000Z", "2026-03-29T22:00:00.000Z"]);
  });
});
