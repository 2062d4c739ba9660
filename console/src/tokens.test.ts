import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { contrast } from "./colour";

const css = readFileSync(join(import.meta.dirname, "tokens.css"), "utf8");

/** The colours of a theme; dark is light with its own put over it. */
function tokens(theme: "light" | "dark"): Map<string, string> {
  const blocks = css.split(/\n(?=:root)/);
  const of = (block: string | undefined): [string, string][] => [...(block ?? "").matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})/g)].map((m) => [m[1]!, m[2]!]);
  const light = blocks.find((b) => b.startsWith(":root,"));
  const dark = blocks.find((b) => b.startsWith(':root[data-theme="dark"]'));
  return new Map([...of(light), ...(theme === "dark" ? of(dark) : [])]);
}

describe.each(["light", "dark"] as const)("%s", (theme) => {
  const t = tokens(theme);
  const grounds = ["bg", "surface", "raised", "sunken", "hover"];
  const words = ["text", "text-2", "text-3"];
  const meanings = ["bot", "human", "waiting", "breach", "risk", "good", "accent-text"];

  it.each(words.flatMap((w) => grounds.map((g) => [w, g] as const)))("%s can be read on %s", (word, ground) => {
    expect(contrast(t.get(word)!, t.get(ground)!)).toBeGreaterThanOrEqual(4.5);
  });

  it.each(meanings.flatMap((m) => ["surface", `${m.replace("-text", "")}-soft`].map((g) => [m, g] as const)))("%s can be read on %s", (word, ground) => {
    expect(contrast(t.get(word)!, t.get(ground)!)).toBeGreaterThanOrEqual(4.5);
  });

  it.each([
    ["on-accent", "accent", 4.5],
    ["on-accent", "accent-hover", 4.5],
    ["focus", "surface", 3],
    ["control", "surface", 3],
  ] as const)("%s stands out on %s", (a, b, least) => expect(contrast(t.get(a)!, t.get(b)!)).toBeGreaterThanOrEqual(least));

  it("has every colour of the other theme", () => expect([...t.keys()].sort()).toEqual([...tokens("light").keys()].sort()));
});
