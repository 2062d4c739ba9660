import { describe, expect, it } from "vitest";
import { faultOf, hoursOf, nextShift, planFaults, planOf } from "./hours";
import { originsOf } from "./origins";

describe("service hours", () => {
  const hours = { week: { mon: ["09:00-12:00", "13:30-18:00"], sat: ["22:00-06:00"] }, special: [{ date: "2026-10-01", until: "2026-10-07", name: { zh: "国庆" } }, { date: "2026-12-24", spans: ["09:00-24:00"] }] };
  it("come back as they were given", () => expect(hoursOf(planOf(hours as never))).toEqual(hours));
  it("are empty for none", () => expect(hoursOf(planOf(undefined))).toEqual({ week: {} }));
  it.each([
    [[{ from: "09:00", to: "12:00" }, { from: "13:00", to: "18:00" }], ""],
    [[{ from: "09:00", to: "13:00" }, { from: "12:00", to: "18:00" }], "overlap"],
    [[{ from: "20:00", to: "02:00" }, { from: "23:00", to: "23:30" }], "overlap"],
    [[{ from: "", to: "18:00" }], "missing"],
    [[{ from: "09:00", to: "09:00" }], "missing"],
    [[{ from: "00:00", to: "24:00" }], ""],
    [[], ""],
  ] as const)("%o: %s", (shifts, fault) => expect(faultOf(shifts)).toBe(fault));
  it("see days without a date, and ranges that end before they begin", () => {
    const plan = planOf(undefined);
    expect(planFaults(plan)).toBe(false);
    expect(planFaults({ ...plan, special: [{ date: "", until: "", names: {}, shifts: [] }] })).toBe(true);
    expect(planFaults({ ...plan, special: [{ date: "2026-10-07", until: "2026-10-01", names: {}, shifts: [] }] })).toBe(true);
  });
  it.each([
    [[], { from: "09:00", to: "18:00" }],
    [[{ from: "09:00", to: "12:00" }], { from: "13:00", to: "18:00" }],
    [[{ from: "09:00", to: "17:00" }], { from: "18:00", to: "21:00" }],
    [[{ from: "09:00", to: "23:30" }], { from: "09:00", to: "18:00" }],
  ])("after %o comes %o", (shifts, next) => expect(nextShift(shifts)).toEqual(next));
});

describe("addresses that may show the chat", () => {
  it.each([
    ["www.example.com", ["https://www.example.com"], []],
    ["https://a.example.com/path?x=1\nhttp://localhost:8080", ["https://a.example.com", "http://localhost:8080"], []],
    ["*.example.com, https://*.example.org", ["https://*.example.com", "https://*.example.org"], []],
    ["a.example.com a.example.com", ["https://a.example.com"], []],
    ["javascript:alert(1) nonsense ftp://x.example.com", [], ["javascript:alert(1)", "nonsense", "ftp://x.example.com"]],
    ["", [], []],
  ])("%s", (text, list, wrong) => expect(originsOf(text)).toEqual({ list, wrong }));
});
