import { describe, expect, it } from "vitest";
import { toCsv } from "./csv";
import { grouped } from "./group";
import { differing, merge, mergeWordings, suggest, type Draft } from "./merge";
import { reasonText } from "./reason";
import { dateIn, fromLocal, startOf, toLocal } from "./zone";

const base: Draft = { question: "怎么退货", similar: ["退货流程", "想退"], negative: [], answer: "七天内可退。", lang: "zh", category: "售后", validFrom: "", validTo: "" };

describe("two editors", () => {
  it("names what differs", () => expect(differing(base, { ...base, answer: "十天", similar: [] })).toEqual(["answer", "similar"]));

  it.each([
    ["only they changed it", base, { ...base, answer: "十天" }, { answer: "theirs" }],
    ["only I changed it", { ...base, answer: "十天" }, base, { answer: "mine" }],
    ["both changed the answer", { ...base, answer: "八天" }, { ...base, answer: "九天" }, { answer: "mine" }],
    ["both changed the wordings", { ...base, similar: ["退货流程", "想退", "甲"] }, { ...base, similar: ["退货流程", "乙"] }, { similar: "both" }],
    ["both did the same", { ...base, answer: "十天" }, { ...base, answer: "十天" }, {}],
  ] as const)("suggests what loses nothing when %s", (_, mine, theirs, choice) => expect(suggest(base, mine as Draft, theirs as Draft)).toEqual(choice));

  it("joins wordings that either added and drops what either removed", () =>
    expect(mergeWordings(["a", "b", "c"], ["a", "b", "x"], ["a", "c", "y"])).toEqual(["a", "y", "x"]));

  it("makes the version that was chosen", () => {
    const mine = { ...base, answer: "八天", category: "退货" };
    const theirs = { ...base, answer: "九天", question: "如何退货" };
    expect(merge(base, mine, theirs, { answer: "theirs", question: "theirs", category: "mine" })).toEqual({ ...base, answer: "九天", question: "如何退货", category: "退货" });
  });
});

describe("times in the site's zone", () => {
  it.each([
    ["2026-01-31T01:00:00Z", "Asia/Shanghai", "2026-01-31T09:00"],
    ["2026-07-01T22:30:00Z", "Europe/London", "2026-07-01T23:30"],
    ["2026-03-08T07:30:00Z", "America/New_York", "2026-03-08T03:30"], // after the hour that is skipped
    ["2026-11-01T05:30:00Z", "America/New_York", "2026-11-01T01:30"], // the first of two half past ones
    ["2026-06-01T00:00:00Z", "Asia/Kolkata", "2026-06-01T05:30"],
  ])("%s in %s is %s, and back", (iso, zone, local) => {
    expect(toLocal(iso, zone)).toBe(local);
    expect(toLocal(fromLocal(local, zone), zone)).toBe(local);
  });
  it("moves a time that no clock shows to after the change", () => expect(fromLocal("2026-03-08T02:30", "America/New_York")).toBe("2026-03-08T07:30:00Z"));
  it("is empty for none", () => expect([toLocal("", "UTC"), toLocal(undefined, "UTC"), fromLocal("", "UTC")]).toEqual(["", "", ""]));
  it("begins days where they begin there", () => {
    expect(dateIn(Date.parse("2026-01-31T17:00:00Z"), "Asia/Shanghai")).toBe("2026-02-01");
    expect(startOf("2026-02-01", "Asia/Shanghai")).toBe(Date.parse("2026-01-31T16:00:00Z") * 1000);
  });
});

describe("groups of questions", () => {
  const q = (id: string, text: string, count: number, language = "zh") => ({ id, text, count, language, at: 0 });
  it("puts near wordings together and keeps what is asked most in front", () => {
    const g = grouped([q("1", "大雪天还能送到吗", 5), q("2", "能开专票吗", 4), q("3", "大雪天能送到吗？", 2), q("4", "开专票", 1)]);
    expect(g.map((x) => [x.first.id, x.others.map((o) => o.id), x.count])).toEqual([["1", ["3"], 7], ["2", ["4"], 5]]);
  });
  it("does not mix languages", () => expect(grouped([q("1", "VIP", 1), q("2", "vip", 1, "en")])).toHaveLength(2));
  it("takes one letter and none", () => expect(grouped([q("1", "退", 2), q("2", "退", 1), q("3", "？", 1)]).map((g) => g.count)).toEqual([3, 1]));
});

describe("reasons as a file", () => {
  it("quotes what must be, and no cell is a formula", () =>
    expect(toCsv([["row", "reason"], [3, 'say "a", b'], [4, "=HYPERLINK(1)"], [5, "-1+1"]])).toBe('\ufeffrow,reason\r\n3,"say ""a"", b"\r\n4,\'=HYPERLINK(1)\r\n5,\'-1+1\r\n'));
});

describe("why a row was not imported", () => {
  const t = (key: string, values?: Record<string, unknown>): string => `${key} ${JSON.stringify(values)}`;
  it.each([
    ["is empty", "import.reasons.empty {}"],
    ["has 4001 characters, at most 4000 are allowed", 'import.reasons.long {"n":"4001","most":"4000"}'],
    ["has 9 characters in all wordings together, at most 8 are allowed", 'import.reasons.allWordings {"n":"9","most":"8"}'],
    ["is the same as in row 7, with another answer", 'import.reasons.twice {"row":"7"}'],
    ['"soon" is not a date such as 2026-01-31 or 2026-01-31T18:00:00+08:00', 'import.reasons.date {"value":"soon"}'],
    ["is not a JSON object: null", "is not a JSON object: null"],
  ])("%s", (reason, said) => expect(reasonText(reason, t)).toBe(said));
});
