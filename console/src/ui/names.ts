/** Up to two letters that stand for a name; empty when the name has none. */
export function initials(name: string): string {
  const clean = name.trim();
  const chinese = clean.match(/\p{Script=Han}/gu);
  if (chinese && chinese.length >= 2 && chinese.length <= 4 && chinese.join("") === clean) return chinese.slice(-2).join("");
  const words = clean.split(/[\s·,，]+/u).map((w) => [...w].find((c) => /[\p{L}\p{N}]/u.test(c))).filter((c) => c !== undefined);
  const [first, last] = [words[0], words.length > 1 ? words.at(-1) : undefined];
  return `${first ?? ""}${last ?? ""}`.toLocaleUpperCase();
}

/** Always the same one of five tones for a name. */
export function toneOf(name: string): number {
  let h = 0;
  for (const c of name) h = (h * 31 + (c.codePointAt(0) ?? 0)) >>> 0;
  return h % 5;
}
