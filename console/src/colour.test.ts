import { describe, expect, it } from "vitest";
import { contrast, shades } from "./colour";

describe("a company's colour", () => {
  it("measures contrast as WCAG does", () => {
    expect(contrast("#000000", "#ffffff")).toBeCloseTo(21, 5);
    expect(contrast("#777777", "#ffffff")).toBeCloseTo(4.48, 2);
    expect(contrast("red", "#ffffff")).toBe(0);
  });

  const chosen = ["#1f5bc4", "#ffe600", "#ffffff", "#000000", "#e60012", "#07c160", "#ff8800", "#808080"];
  for (const theme of ["light", "dark"] as const) {
    it.each(chosen)(`${theme}: %s can be read as text and under text`, (colour) => {
      const s = shades(colour, theme)!;
      const page = theme === "light" ? "#ffffff" : "#151b23";
      expect(contrast(s["accent-text"], page)).toBeGreaterThanOrEqual(4.5);
      expect(contrast(s["accent-text"], s["accent-soft"])).toBeGreaterThanOrEqual(4.5);
      expect(contrast(s["on-accent"], s.accent)).toBeGreaterThanOrEqual(4.5);
      expect(contrast(s["on-accent"], s["accent-hover"])).toBeGreaterThanOrEqual(4.5);
    });
  }

  it("keeps a colour that is readable already", () => expect(shades("#1f5bc4", "light")?.accent).toBe("#1f5bc4"));
  it("leaves ours when there is none", () => expect(shades("", "light")).toBeUndefined());
});
