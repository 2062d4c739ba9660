// What a candidate's score was made of, in the order in which a person would weigh it.

const speakFor = ["exact", "coverage", "back_coverage", "soft_coverage", "bm25_share", "order_dice", "bigram_jaccard", "length_ratio"] as const;
const speakAgainst = ["negation", "number", "other_ask", "foreign", "unmatched", "extra", "answer_only", "rival", "crowd", "little", "short"] as const;

export interface Share {
  name: (typeof speakFor)[number] | (typeof speakAgainst)[number];
  value: number;
  against: boolean;
}

/** The features that are there and tell a person something; others only serve the sum. */
export function shares(features: Readonly<Record<string, number>>): Share[] {
  const pick = (names: readonly Share["name"][], against: boolean): Share[] => names.flatMap((name) => ((features[name] ?? 0) > 0 ? [{ name, value: features[name]!, against }] : []));
  return [...pick(speakFor, false), ...pick(speakAgainst, true)];
}
