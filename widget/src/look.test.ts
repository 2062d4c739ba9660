import { describe, expect, it } from "vitest";
import { contrast, inside, luminance, palette } from "./look";

/** The colours of a palette by theme. */
function colours(accent: string): Record<string, string>[] {
  return palette(accent)
    .split("\n")
    .map((rule) => Object.fromEntries([...rule.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map((m) => [m[1]!, m[2]!])));
}

describe("the company's colour", () => {
  it("knows light from dark", () => {
    expect(luminance("#ffffff")).toBeCloseTo(1);
    expect(luminance("#000000")).toBe(0);
    expect(contrast("#000000", "#ffffff")).toBeCloseTo(21);
  });

  it("can be read on and beside, whatever it is, in light and dark", () => {
    const levels = ["00", "33", "66", "99", "cc", "ff"];
    for (const r of levels) {
      for (const g of levels) {
        for (const b of levels) {
          const accent = `#${r}${g}${b}`;
          const [light, dark] = colours(accent);
          for (const [c, ground] of [[light!, "#ffffff"], [dark!, "#151b23"]] as const) {
            const told = `${accent} on ${ground}: ${JSON.stringify(c)}`;
            expect(contrast(c["on-accent"]!, c.accent!), told).toBeGreaterThanOrEqual(4.5);
            expect(contrast(c["accent-text"]!, ground), told).toBeGreaterThanOrEqual(4.5);
            expect(contrast(c["accent-text"]!, c["accent-soft"]!), told).toBeGreaterThanOrEqual(4.5);
            expect(contrast(c.focus!, ground), told).toBeGreaterThanOrEqual(3);
          }
          expect(contrast(dark!.accent!, "#151b23"), `${accent} is lost in the dark`).toBeGreaterThanOrEqual(2.9);
        }
      }
    }
  });

  it("stays what the company chose where it can be read", () => {
    expect(colours("#1d6b4a")[0]!.accent).toBe("#1d6b4a");
  });
});

describe("the tokens", () => {
  it.each([
    [':root,\n:host {\n--a: 1 }\n:root[data-theme="dark"],\n:host([data-theme="dark"]) { --a: 2 }', '.root {\n--a: 1 }\n\n.root[data-theme="dark"] { --a: 2 }'],
    [":root,:host{--a:1}:root[data-theme=dark],:host([data-theme=dark]){--a:2}", ".root{--a:1}.root[data-theme=dark]{--a:2}"],
  ])("move to our root, minified or not", (css, want) => {
    expect(inside(css).replace(/\s+/g, " ").trim()).toBe(want.replace(/\s+/g, " "));
  });
});
