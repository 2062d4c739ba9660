import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isText, type Area, type Text } from "./area";
import { catalogue } from "./catalogue";

/** What is the same in both languages, or names one language in the other, on purpose. */
const onPurpose = new Set(["signIn.title", "palette.chinese", "palette.english"]);

function flat(area: Area, prefix = ""): [key: string, text: Text][] {
  return Object.entries(area).flatMap(([k, v]) => (isText(v) ? [[prefix + k, v] as [string, Text]] : flat(v, `${prefix}${k}.`)));
}

function sources(folder: string): string {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((f) => f.isFile() && /\.(vue|ts)$/.test(f.name) && !f.name.endsWith(".test.ts") && !f.parentPath.endsWith("texts"))
    .map((f) => readFileSync(join(f.parentPath, f.name), "utf8"))
    .join("\n");
}

describe("catalogue", () => {
  const texts = flat(catalogue);
  const keys = new Set(texts.map(([k]) => k));
  const code = sources(join(import.meta.dirname, ".."));

  it("has every text in both languages", () => {
    for (const [k, pair] of texts) expect(pair.map((s) => s.trim() !== ""), k).toEqual([true, true]);
  });

  it("is Chinese in Chinese and English in English", () => {
    for (const [k, [zh, en]] of texts) {
      if (onPurpose.has(k)) continue;
      expect(zh, k).toMatch(/[\p{Script=Han}\u3001-\u303f]/u);
      expect(en, k).not.toMatch(/[\p{Script=Han}\u3001-\u303f]/u);
    }
  });

  it("has the same places for values in both languages", () => {
    const places = (s: string): string[] => (s.match(/\{\w+\}/g) ?? []).sort();
    for (const [k, [zh, en]] of texts) expect(places(en), k).toEqual(places(zh));
  });

  it("uses full-width punctuation in Chinese", () => {
    for (const [k, [zh]] of texts) expect(zh, k).not.toMatch(/[\u4e00-\u9fff][,;:?!]/);
  });

  it("has every text the pages ask for", () => {
    const asked = [...code.matchAll(/\bt\(\s*["']([\w.]+)["']/g)].map((m) => m[1] ?? "");
    expect(asked.length).toBeGreaterThan(100);
    for (const k of asked) expect(keys.has(k), k).toBe(true);
  });

  it("has no text that nothing shows", () => {
    // A key made from parts, such as t(`desk.owner.${owner}`), keeps its whole group.
    const made = [...code.matchAll(/`([\w.]+\.)\$\{/g)].map((m) => m[1] ?? "");
    const left = [...keys].filter((k) => !code.includes(`"${k}"`) && !code.includes(`'${k}'`) && !made.some((p) => k.startsWith(p)));
    expect(left).toEqual([]);
  });
});
