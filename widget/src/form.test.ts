import { describe, expect, it } from "vitest";
import { fault, inWords } from "./form";
import type { FieldType, FormField } from "./protocol";

const field = (type: FieldType, required = false): FormField => ({ name: "n", label: "L", type, required, choices: ["a", "b"] });

describe("a form's values", () => {
  it.each<[FieldType, string, boolean]>([
    ["phone", "0571-88001234", true],
    ["phone", "+86 138 0013 8000", true],
    ["phone", "call me", false],
    ["phone", "12", false],
    ["email", "a@example.test", true],
    ["email", "a@example", false],
    ["email", "a b@example.test", false],
    ["number", "-3.5", true],
    ["number", "3,5", false],
    ["number", "1e9", false],
    ["date", "2026-11-22", true],
    ["date", "22.11.2026", false],
    ["date", "2026-13-01", false],
    ["choice", "b", true],
    ["choice", "c", false],
    ["text", "<script>", true],
    ["text", "字".repeat(500), true],
    ["text", "字".repeat(501), false],
  ])("%s %s: %s", (type, value, good) => {
    expect(fault(field(type), value) === undefined).toBe(good);
  });

  it("are needed only where that is said", () => {
    expect(fault(field("phone"), "  ")).toBeUndefined();
    expect(fault(field("phone", true), "  ")).toBe("formNeeded");
  });

  it("are read as words, without what was left out", () => {
    const form = { id: "f", title: "T", fields: [{ ...field("text"), name: "a", label: "甲" }, { ...field("text"), name: "b", label: "乙" }] };
    expect(inWords(form, { a: " 1 ", b: "  " }, "：")).toBe("甲：1");
  });
});
