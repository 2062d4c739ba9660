import type { Announcer } from "./events";
import type { Message } from "./protocol";
import { local } from "./store";

/**
 * What the customer has not seen: counted for the bubble, before the page's title and for the host page, which is also
 * told of each new message. What was seen is remembered for the next visit.
 */
export class Attention {
  unread = 0;
  private seen = 0; // the newest seq the customer had before their eyes
  private told = 0; // the newest seq the host page was told of
  private counted = -1;
  private conversation = "";

  constructor(
    private key: string,
    private announcer: Announcer,
  ) {}

  /** Begins with what was seen of a conversation before. */
  begin(conversation: string): void {
    if (this.conversation !== conversation) this.seen = this.told = 0;
    this.conversation = conversation;
    const [of, n] = (local.get(this.key) ?? "").split(" ");
    if (of === conversation) this.seen = Math.max(this.seen, Number(n) || 0);
  }

  /** What was said up to a seq is history: the host page is not told of it. */
  history(seq: number): void {
    this.told = Math.max(this.told, seq);
  }

  /** Everything up to a seq was seen, here or in another tab. True if that is news. */
  see(seq: number): boolean {
    if (seq <= this.seen || !this.conversation) return false;
    this.seen = seq;
    local.set(this.key, `${this.conversation} ${seq}`);
    return true;
  }

  /** Counts, and tells whom it concerns. */
  count(messages: readonly Message[]): void {
    for (const m of messages) {
      if (m.seq <= this.told) continue;
      this.told = m.seq;
      if (m.from !== "customer") this.announcer.tell("message", { seq: m.seq, from: m.from, text: m.text });
    }
    this.unread = messages.filter((m) => m.seq > this.seen && m.from !== "customer" && !m.recalled).length;
    if (this.counted === this.unread) return;
    if (this.counted >= 0 || this.unread > 0) this.announcer.tell("unread", this.unread);
    this.counted = this.unread;
    countInTitle(this.unread);
  }
}

const ours = /^\(\d+\+?\) /;

/** Shows a number before the page's title, which the host may change meanwhile; 0 takes it away. */
export function countInTitle(n: number): void {
  const plain = document.title.replace(ours, "");
  const title = n > 0 ? `(${n > 99 ? "99+" : n}) ${plain}` : plain;
  if (document.title !== title) document.title = title;
}
