// Questions that say nearly the same, put together, so that one answer settles them all.

export interface Asked {
  id: string;
  text: string;
  count: number;
  language: string;
  at: number;
}

export interface Group<T extends Asked> {
  first: T; // the most asked
  others: T[];
  count: number;
}

const alike = 0.5;

/** The pairs of neighbouring letters of a text, without spaces and marks. */
function pairs(text: string): Set<string> {
  const letters = [...text.toLocaleLowerCase().normalize("NFKC").replace(/[\s\p{P}\p{S}]+/gu, "")];
  const out = new Set<string>();
  for (let i = 0; i + 1 < letters.length; i++) out.add(`${letters[i]}${letters[i + 1]}`);
  if (letters.length === 1) out.add(letters[0]!);
  return out;
}

/** Each question joins the first group whose most asked question is like it and in its language; the order stays. */
export function grouped<T extends Asked>(items: readonly T[]): Group<T>[] {
  const groups: (Group<T> & { pairs: number })[] = [];
  const having = new Map<string, number[]>(); // for each pair of letters, the groups whose first question has it
  for (const item of items) {
    const mine = pairs(item.text);
    const common = new Map<number, number>();
    for (const p of mine) for (const g of having.get(p) ?? []) common.set(g, (common.get(g) ?? 0) + 1);
    const like = [...common].filter(([g, n]) => groups[g]!.first.language === item.language && (2 * n) / (groups[g]!.pairs + mine.size) >= alike);
    const home = groups[Math.min(...like.map(([g]) => g))];
    if (home) {
      home.others.push(item);
      home.count += item.count;
      continue;
    }
    for (const p of mine) (having.get(p) ?? having.set(p, []).get(p)!).push(groups.length);
    groups.push({ first: item, others: [], count: item.count, pairs: mine.size });
  }
  return groups.map(({ first, others, count }) => ({ first, others, count }));
}
