import { beforeEach, describe, expect, it, vi } from "vitest";
import { effectScope } from "vue";
import { ApiError } from "./api";
import { explain } from "./explain";
import { ago, clock, day, elapsed, exact, millis, number, reader, regionOf, useNow, zoneOr } from "./time";

describe("time", () => {
  beforeEach(() => Object.assign(reader, { locale: "zh-CN", zone: "Asia/Shanghai" }));

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
  ])("shows a wait of %i ms as %s", (ms, text) => expect(elapsed(ms)).toBe(text));

  it("speaks of the past in the reader's language", () => {
    const now = 1_000_000_000_000;
    expect(ago(now - 20_000, now)).toBe("现在");
    expect(ago(now - 3 * 60_000, now)).toBe("3分钟前");
    reader.locale = "en-GB";
    expect(ago(now - 2 * 3600_000, now)).toBe("2 hr ago");
  });

  it("writes dates as the reader's region does, in the reader's zone", () => {
    const at = Date.UTC(2026, 10, 2, 23, 5);
    Object.assign(reader, { locale: "en-GB", zone: "Europe/London" });
    expect(exact(at)).toBe("2 Nov 2026, 23:05:00");
    expect(day(at)).toBe("2 Nov 2026");
    reader.zone = "Asia/Shanghai";
    expect(day(at)).toBe("3 Nov 2026");
    expect(clock(at, at)).toBe("07:05");
    expect(clock(at, at - 86_400_000)).toBe("3 Nov, 07:05");
    expect(number(12_345)).toBe("12,345");
    reader.locale = "zh-CN";
    expect(day(at)).toBe("2026年11月3日");
    expect(number(12_345, true)).toBe("1.2万");
  });

  it.each([
    ["en", ["en-GB", "en-US"], "en-GB"],
    ["en", ["zh-CN", "en-AU"], "en-AU"],
    ["en", ["zh-CN"], "en-GB"],
    ["zh", ["en", "zh-TW"], "zh-TW"],
  ] as const)("%s for a browser of %j is %s", (language, wanted, region) => expect(regionOf(language, wanted)).toBe(region));

  it("does not fail over a zone that this browser does not know", () => {
    expect(zoneOr("Asia/Tokyo", "UTC")).toBe("Asia/Tokyo");
    expect(zoneOr("Mars/Olympus", "UTC")).toBe("UTC");
    expect(zoneOr("auto", "UTC")).toBe("UTC");
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

describe("the time on a page", () => {
  it("comes from one clock, which stops with its last reader", () => {
    vi.useFakeTimers();
    const [one, two] = [effectScope(), effectScope()];
    const a = one.run(() => useNow(1000))!;
    const b = two.run(() => useNow(1000))!;
    expect(a).toBe(b);
    expect(vi.getTimerCount()).toBe(1);
    const before = a.value;
    vi.advanceTimersByTime(1000);
    expect(b.value).toBe(before + 1000);
    one.stop();
    expect(vi.getTimerCount()).toBe(1);
    two.stop();
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });
});
