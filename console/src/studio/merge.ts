// Two people changed the same entry. What each of them did is told by the entry as it was when both began.

/** What can be edited of an entry, as the form holds it. */
export interface Draft {
  question: string;
  similar: string[];
  negative: string[];
  answer: string;
  lang: string;
  category: string;
  validFrom: string; // as in the form: 2026-01-31T09:00 in the site's zone, or empty
  validTo: string;
}
export type DraftField = keyof Draft;
export const draftFields: readonly DraftField[] = ["question", "answer", "similar", "negative", "category", "lang", "validFrom", "validTo"];

export type Side = "mine" | "theirs" | "both"; // both: of wordings, what either added and nobody took away

export const same = (a: Draft[DraftField], b: Draft[DraftField]): boolean => JSON.stringify(a) === JSON.stringify(b);

/** The fields that differ between two versions. */
export function differing(a: Draft, b: Draft): DraftField[] {
  return draftFields.filter((f) => !same(a[f], b[f]));
}

/** Wordings that either side has, without those that one of them removed from what there was. */
export function mergeWordings(base: readonly string[], mine: readonly string[], theirs: readonly string[]): string[] {
  const kept = (w: string): boolean => !base.includes(w) || (mine.includes(w) && theirs.includes(w));
  return [...new Set([...theirs, ...mine])].filter(kept);
}

/** For each field that differs, what loses nothing: the side that changed it, both sides' wordings, and else one's own. */
export function suggest(base: Draft, mine: Draft, theirs: Draft): Partial<Record<DraftField, Side>> {
  const out: Partial<Record<DraftField, Side>> = {};
  for (const f of differing(mine, theirs)) {
    if (same(mine[f], base[f])) out[f] = "theirs";
    else if (same(theirs[f], base[f])) out[f] = "mine";
    else out[f] = f === "similar" || f === "negative" ? "both" : "mine";
  }
  return out;
}

/** The version that the choices make. */
export function merge(base: Draft, mine: Draft, theirs: Draft, choice: Partial<Record<DraftField, Side>>): Draft {
  const out = { ...mine };
  for (const f of differing(mine, theirs)) {
    const side = choice[f] ?? "mine";
    if (side === "theirs") Object.assign(out, { [f]: theirs[f] });
    if (side === "both" && (f === "similar" || f === "negative")) out[f] = mergeWordings(base[f], mine[f], theirs[f]);
  }
  return out;
}
