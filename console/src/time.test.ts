import { describe, expect, it } from "vitest";
import { ApiError } from "./api";
import { explain } from "./explain";
import { ago, elapsed, millis } from "./time";

describe("time", () => {
  it("reads microseconds and date texts", () => {
    expect(millis(1_700_000_000_000_000)).toBe(1_700_000_000_000);
    expect(millis("2026-11-22T00:00:00Z")).toBe(Date.UTC(2026, 10, 22));
    expect(millis(undefined)).toBe(0);
    expect(millis("no date")).toBe(0);
  });

  it.each([
    [0, "0:00"],
    [42_900, "0:42"],
    [725_000, "12:05"],
    [3_723_000, "1:02:03"],
    [27.4 * 86_400_000, "27天"],
    [-5000, "0:00"], // the clocks of two computers differ
  ])("shows a wait of %i ms as %s", (ms, text) => expect(elapsed(ms, "zh")).toBe(text));

  it("speaks of the past in the reader's language", () => {
    const now = 1_000_000_000_000;
    expect(ago(now - 20_000, now, "zh")).toBe("现在");
    expect(ago(now - 3 * 60_000, now, "zh")).toBe("3分钟前");
    expect(ago(now - 2 * 3600_000, now, "en")).toBe("2h ago");
  });
});

describe("explain", () => {
  const t = (key: string, values?: Record<string, unknown>): string => `${key}${values ? JSON.stringify(values) : ""}`;
  it.each([
    [new ApiError(0, "unreachable", ""), "error.unreachable"],
    [new ApiError(422, "invalid", "question: is empty"), "question: is empty"],
    [new ApiError(403, "denied", "no"), "error.denied"],
    [new ApiError(500, "internal", "pq: relation does not exist", "", "r1"), 'error.serverWith{"id":"r1"}'],
    [new TypeError("x is undefined"), "error.unknown"],
  ])("%s", (err, text) => expect(explain(err, t)).toBe(text));
});
