// What an agent began to write stays on this computer until it is sent: through reloads, other conversations, sign-out,
// rights that were taken away. It belongs to the person who wrote it, so that colleagues at one computer stay apart.

const prefix = "draft:";
const keepMs = 7 * 24 * 3600 * 1000;

export interface Kept {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
  readonly length: number;
  key(i: number): string | null;
}

/** A reply and a note never become each other: each is kept for itself, with which of them was being written. */
export interface Draft {
  reply: string;
  note: string;
  mode: "reply" | "note";
}

const nothing: Draft = { reply: "", note: "", mode: "reply" };

export class Drafts {
  constructor(
    private store: Kept,
    private staff: string,
    private now: () => number = Date.now,
  ) {}

  private key(conversation: string): string {
    return `${prefix}${this.staff}:${conversation}`;
  }

  get(conversation: string): Draft {
    try {
      const v: unknown = JSON.parse(this.store.getItem(this.key(conversation)) ?? "null");
      if (typeof v !== "object" || v === null) return nothing;
      const text = (k: "reply" | "note"): string => (k in v && typeof v[k as keyof typeof v] === "string" ? v[k as keyof typeof v] : "");
      return { reply: text("reply"), note: text("note"), mode: "mode" in v && v.mode === "note" ? "note" : "reply" };
    } catch {
      return nothing;
    }
  }

  /** The beginning of what waits to be sent; empty if nothing does. */
  begun(conversation: string): string {
    const d = this.get(conversation);
    return (d.reply.trim() || d.note.trim()).slice(0, 80);
  }

  set(conversation: string, draft: Draft): void {
    try {
      if (draft.reply.trim() === "" && draft.note.trim() === "") this.store.removeItem(this.key(conversation));
      else this.store.setItem(this.key(conversation), JSON.stringify({ ...draft, at: this.now() }));
    } catch {
      // Full or forbidden storage: the text still stands in the box.
    }
  }

  /** Forgets drafts that nobody came back to for a week, whoever wrote them. */
  sweep(): void {
    const keys = Array.from({ length: this.store.length }, (_, i) => this.store.key(i)).filter((k) => k?.startsWith(prefix));
    for (const k of keys) {
      if (k === null) continue;
      try {
        const v = JSON.parse(this.store.getItem(k) ?? "null") as { at?: number } | null;
        if (this.now() - (v?.at ?? 0) > keepMs) this.store.removeItem(k);
      } catch {
        this.store.removeItem(k);
      }
    }
  }
}
