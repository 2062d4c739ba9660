import type { Draft, Message } from "./protocol";

/**
 * The conversation as the server tells it. Messages come in any order and more than once (a resume overlaps, a message
 * is revised or recalled under the same seq); the newest change of each wins, and `cursor` is where to resume. It begins
 * with the newest page; older ones are put before it as the customer reads back.
 */
export class Transcript {
  cursor = 0;
  /** The newest page is there; until then nothing is known of the conversation. */
  begun = false;
  /** There are older messages on the server. */
  more = false;
  private bySeq = new Map<number, Message>();
  private sorted: Message[] | undefined;

  /** Takes the newest page of the history; what changes from `seq` on comes live. */
  begin(messages: Message[], more: boolean, seq: number): void {
    this.begun = true;
    this.more = more;
    for (const m of messages) this.keep(m);
    this.cursor = Math.max(this.cursor, seq);
  }

  /** Takes a page from before the oldest message. */
  prepend(messages: Message[], more: boolean): void {
    this.more = more && messages.length > 0;
    for (const m of messages) this.keep(m);
  }

  /**
   * Takes one message; false if it was known already or older than what is known. Live changes come in their own order,
   * so each moves the cursor. What was missed comes by seq: a message of it that was revised yesterday has a change far
   * ahead of messages still to come, so there the cursor follows the seq.
   */
  apply(m: Message, live = false): boolean {
    this.cursor = Math.max(this.cursor, live ? m.change : m.seq);
    // A change to a message that was not read back to yet: it will come as it is by then.
    if (this.more && m.seq < this.oldest) return false;
    return this.keep(m);
  }

  private keep(m: Message): boolean {
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
    const form = said.form && { id: said.form.id, title: "", fields: [] };
    const parts = said.parts ?? [{ kind: form ? "form" : "text", text: said.text ?? "", form }];
    const text = said.text ?? parts.map((p) => p.text ?? "").join("\n");
    this.keep({ seq, change: 0, from: "customer", clientId: said.clientId, name: {}, text, parts, at: said.at, revised: false, recalled: false, solved: 0 });
  }

  /** Moves the cursor over changes the customer has no part in, such as staff notes. */
  skipTo(seq: number): void {
    this.cursor = Math.max(this.cursor, seq);
  }

  get messages(): readonly Message[] {
    this.sorted ??= [...this.bySeq.values()].sort((a, b) => a.seq - b.seq);
    return this.sorted;
  }

  /** The number of the oldest message that is here, 0 if none is. */
  get oldest(): number {
    return this.messages[0]?.seq ?? 0;
  }

  clear(): void {
    this.cursor = 0;
    this.begun = false;
    this.more = false;
    this.bySeq.clear();
    this.sorted = undefined;
  }
}
