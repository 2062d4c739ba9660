import type { Draft, Message } from "./protocol";

/**
 * The conversation as the server tells it. Messages come in any order and more than once (a resume overlaps, a message
 * is revised or recalled under the same seq); the newest change of each wins, and `cursor` is where to resume.
 */
export class Transcript {
  cursor = 0;
  private bySeq = new Map<number, Message>();
  private sorted: Message[] | undefined;

  /**
   * Takes one message; false if it was known already or older than what is known. Live changes come in their own order,
   * so each moves the cursor. History comes by seq: a message of it that was revised yesterday has a change far ahead of
   * messages still to come, so there the cursor follows the seq.
   */
  apply(m: Message, live = false): boolean {
    this.cursor = Math.max(this.cursor, live ? m.change : m.seq);
    const known = this.bySeq.get(m.seq);
    if (known && known.change >= m.change) return false;
    this.bySeq.set(m.seq, m);
    this.sorted = undefined;
    return true;
  }

  /**
   * Shows what the customer said as soon as it is acknowledged, before the server tells it as a change. The cursor
   * stays: an earlier change may still be on its way.
   */
  place(said: Draft & { clientId: string; at: number }, seq: number): void {
    if (seq <= 0 || this.bySeq.has(seq)) return;
    const parts = said.parts ?? [{ kind: "text", text: said.text ?? "" }];
    const text = said.text ?? parts.map((p) => p.text ?? "").join("\n");
    this.bySeq.set(seq, {
      seq,
      change: 0,
      from: "customer",
      clientId: said.clientId,
      text,
      parts,
      at: said.at,
      revised: false,
      recalled: false,
    });
    this.sorted = undefined;
  }

  /** Moves the cursor over changes the customer has no part in, such as staff notes. */
  skipTo(seq: number): void {
    this.cursor = Math.max(this.cursor, seq);
  }

  get messages(): readonly Message[] {
    this.sorted ??= [...this.bySeq.values()].sort((a, b) => a.seq - b.seq);
    return this.sorted;
  }

  clear(): void {
    this.cursor = 0;
    this.bySeq.clear();
    this.sorted = undefined;
  }
}
