import { describe, expect, it } from "vitest";
import { marked, matching, nearMark } from "./match";

describe("commands", () => {
  const all = ["Home home", "Knowledge knowledge", "Import knowledge import", "知识库 knowledge"];
  it.each([
    ["", all],
    ["know", ["Knowledge knowledge", "Import knowledge import", "知识库 knowledge"]],
    ["IMP", ["Import knowledge import"]],
    ["led", ["Knowledge knowledge", "Import knowledge import", "知识库 knowledge"]],
    ["识", ["知识库 knowledge"]],
    ["im know", ["Import knowledge import"]],
    ["zzz", []],
  ])("%j finds %j", (typed, found) => expect(matching(all, typed, (s) => s)).toEqual(found));
});

describe("marks", () => {
  const shape = (text: string, marks: number[][]): string => marked(text, marks).map((p) => (p.hit ? `[${p.text}]` : p.text)).join("");
  it.each([
    ["我要退款，谢谢", [[2, 4]], "我要[退款]，谢谢"],
    ["👋🏽 hello", [[3, 8]], "👋🏽 [hello]"],
    ["abc", [], "abc"],
    ["abcdef", [[2, 4], [0, 3]], "[abc][d]ef"],
    ["abc", [[1, 99], [50, 60]], "a[bc]"],
    ["<b>x</b>", [[0, 3]], "[<b>]x</b>"],
  ])("%j with %j is %j", (text, marks, drawn) => expect(shape(text, marks)).toBe(drawn));

  it("begins a long text shortly before the first mark", () => {
    const text = "签收次日起七天内，商品没用过、配件和包装齐全，就可以无理由退货";
    const [short, marks] = nearMark(text, [[29, 31]], 6);
    expect(shape(short, marks)).toBe("…就可以无理由[退货]");
    expect(nearMark("退货", [[0, 2]])).toEqual(["退货", [[0, 2]]]);
    expect(nearMark("退货", [])).toEqual(["退货", []]);
  });
});
