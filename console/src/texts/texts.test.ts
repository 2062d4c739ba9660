import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { en } from "./en";
import { zh } from "./zh";

function flat(v: object, prefix = ""): Map<string, string> {
  const out = new Map<string, string>();
  for (const [k, x] of Object.entries(v) as [string, string | object][]) {
    if (typeof x === "string") out.set(prefix + k, x);
    else for (const [kk, s] of flat(x, `${prefix}${k}.`)) out.set(kk, s);
  }
  return out;
}

function sources(folder: string): string {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((f) => f.isFile() && /\.(vue|ts)$/.test(f.name) && !f.name.endsWith(".test.ts") && !f.parentPath.endsWith("texts"))
    .map((f) => readFileSync(join(f.parentPath, f.name), "utf8"))
    .join("\n");
}

describe("catalogue", () => {
  const chinese = flat(zh);
  const english = flat(en);
  const code = sources(join(import.meta.dirname, ".."));

  it("has the same keys in both languages, none of them empty", () => {
    expect([...english.keys()]).toEqual([...chinese.keys()]);
    for (const [k, v] of [...chinese, ...english]) expect(v.trim(), k).not.toBe("");
  });

  it("has the same places for values in both languages", () => {
    const places = (s: string): string[] => (s.match(/\{\w+\}/g) ?? []).sort();
    for (const [k, v] of chinese) expect(places(english.get(k) ?? ""), k).toEqual(places(v));
  });

  it("uses full-width punctuation in Chinese", () => {
    for (const [k, v] of chinese) expect(v, k).not.toMatch(/[\u4e00-\u9fff][,;:?!]/);
  });

  it("has every text the pages ask for", () => {
    const asked = [...code.matchAll(/\bt\(\s*["']([\w.]+)["']/g)].map((m) => m[1] ?? "");
    expect(asked.length).toBeGreaterThan(100);
    for (const k of asked) expect(chinese.has(k), k).toBe(true);
  });

  it("has no text that nothing shows", () => {
    // A key made from parts, such as t(`desk.owner.${owner}`), keeps its whole group.
    const made = [...code.matchAll(/`([\w.]+\.)\$\{/g)].map((m) => m[1] ?? "");
    const left = [...chinese.keys()].filter((k) => !code.includes(`"${k}"`) && !code.includes(`'${k}'`) && !made.some((p) => k.startsWith(p)));
    expect(left).toEqual([]);
  });
});
