import { describe, expect, it } from "vitest";
import { missedIn, readTrace, span } from "./trace";

describe("trace", () => {
  it("reads what the bot stored", () => {
    const t = readTrace({ input: "burst", steps: [{ text: "怎么退货", kind: "answer", threshold: 0.6, candidates: [{ id: "q", question: "退货", score: 0.9, features: { coverage: 0.4 } }] }], rules: ["price"], micros: { waited: 5, decided: 7 } });
    expect(t.steps?.[0]?.candidates?.[0]).toMatchObject({ id: "q", score: 0.9, vetoed: false, features: { coverage: 0.4 } });
    expect(t.rules).toEqual(["price"]);
    expect(t.micros).toEqual({ waited: 5, decided: 7 });
  });
  it.each([[null], ["text"], [[1]], [{ steps: "none", rules: [1], micros: 3 }], [{ steps: [null, 3, { candidates: [null, { score: "much" }] }] }]])("survives %j", (body) => {
    const t = readTrace(body);
    for (const s of t.steps ?? []) for (const c of s.candidates ?? []) expect(c.score).toBe(0);
    expect(t.rules ?? []).toEqual([]);
  });
  it.each([[107, "0.1 ms"], [9_940, "9.9 ms"], [658_000, "658 ms"], [2_400_000, "2.4 s"]])("%d µs is %s", (us, text) => expect(span(us)).toBe(text));
  it("knows what was not known", () => expect(missedIn([readTrace({ steps: [{ kind: "abstain", text: "量子" }, { kind: "answer", text: "退货" }] })])).toEqual(["量子"]));
});
