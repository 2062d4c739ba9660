// What an agent began to write stays on this computer until it is sent: through reloads, other conversations, sign-out.

const prefix = "draft:";
const keepMs = 7 * 24 * 3600 * 1000;

export interface Kept {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
  readonly length: number;
  key(i: number): string | null;
}

export class Drafts {
  constructor(
    private store: Kept,
    private now: () => number = Date.now,
  ) {}

  get(conversation: string): string {
    try {
      const v: unknown = JSON.parse(this.store.getItem(prefix + conversation) ?? "null");
      return typeof v === "object" && v !== null && "text" in v && typeof v.text === "string" ? v.text : "";
    } catch {
      return "";
    }
  }

  set(conversation: string, text: string): void {
    try {
      if (text.trim() === "") this.store.removeItem(prefix + conversation);
      else this.store.setItem(prefix + conversation, JSON.stringify({ text, at: this.now() }));
    } catch {
      // Full or forbidden storage: the text still stands in the box.
    }
  }

  /** Forgets drafts that nobody came back to for a week. */
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
