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

function likeness(a: Set<string>, b: Set<string>): number {
  let both = 0;
  for (const p of a) if (b.has(p)) both++;
  return a.size + b.size === 0 ? 0 : (2 * both) / (a.size + b.size);
}

/** Each question joins the first group whose most asked question is like it and in its language; the order stays. */
export function grouped<T extends Asked>(items: readonly T[]): Group<T>[] {
  const groups: (Group<T> & { pairs: Set<string> })[] = [];
  for (const item of items) {
    const mine = pairs(item.text);
    const home = groups.find((g) => g.first.language === item.language && likeness(g.pairs, mine) >= alike);
    if (home) {
      home.others.push(item);
      home.count += item.count;
    } else groups.push({ first: item, others: [], count: item.count, pairs: mine });
  }
  return groups.map(({ first, others, count }) => ({ first, others, count }));
}
