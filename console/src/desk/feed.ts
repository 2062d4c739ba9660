import type { Message } from "../api";

/**
 * One conversation's messages as changes bring them: the newest change of each seq wins, whatever order and however
 * often they come. Returns the list itself when nothing changed, so that nothing is drawn again.
 */
export function merge(known: readonly Message[], changes: readonly Message[]): readonly Message[] {
  let bySeq: Map<number, Message> | undefined;
  const current = new Map(known.map((m) => [m.seq, m]));
  for (const m of changes) {
    const had = current.get(m.seq);
    if (had && changeOf(had) >= changeOf(m)) continue;
    current.set(m.seq, m);
    bySeq = current;
  }
  return bySeq ? [...bySeq.values()].sort((a, b) => a.seq - b.seq) : known;
}

/** The place in the change sequence; a message never revised has its own seq. */
export function changeOf(m: Message): number {
  return m.change ?? m.seq;
}
