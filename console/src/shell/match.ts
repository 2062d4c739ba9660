/** The items whose words begin with, or else contain, all that was typed; the best first, equal ones as they were. */
export function matching<T>(items: readonly T[], typed: string, words: (item: T) => string): T[] {
  const parts = typed.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  if (parts.length === 0) return [...items];
  return items
    .map((item) => {
      const text = words(item).toLocaleLowerCase();
      const begins = (p: string): boolean => text.startsWith(p) || text.includes(` ${p}`);
      return { item, rank: parts.every(begins) ? 0 : parts.every((p) => text.includes(p)) ? 1 : 2 };
    })
    .filter((x) => x.rank < 2)
    .sort((a, b) => a.rank - b.rank)
    .map((x) => x.item);
}

/** The same text and marks, begun shortly before the first mark, so that a narrow line shows it. */
export function nearMark(text: string, marks: readonly (readonly number[])[] | undefined, before = 8): [text: string, marks: number[][]] {
  const first = Math.min(...(marks ?? []).map((m) => m[0] ?? 0));
  const cut = Number.isFinite(first) ? Math.max(0, first - before) : 0;
  if (cut === 0) return [text, (marks ?? []).map((m) => [...m])];
  return [`…${[...text].slice(cut).join("")}`, (marks ?? []).map((m) => m.map((at) => at - cut + 1))];
}

/** `text` cut at the marked ranges ([from, to) in characters); ranges that overlap or do not fit are put right. */
export function marked(text: string, marks: readonly (readonly number[])[] | undefined): { text: string; hit: boolean }[] {
  const chars = [...text];
  const out: { text: string; hit: boolean }[] = [];
  let at = 0;
  const push = (to: number, hit: boolean): void => {
    if (to > at) out.push({ text: chars.slice(at, to).join(""), hit });
    at = Math.max(at, to);
  };
  for (const [from, to] of [...(marks ?? [])].sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0))) {
    if (from === undefined || to === undefined || from >= chars.length) continue;
    push(from, false);
    push(Math.min(to, chars.length), true);
  }
  push(chars.length, false);
  return out;
}
