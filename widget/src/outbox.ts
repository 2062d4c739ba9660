import type { Draft } from "./protocol";

export type PendingState = "waiting" | "sending" | "failed";

export interface Pending extends Draft {
  clientId: string;
  at: number;
  state: PendingState;
  reason?: string; // why the server refused it, for the customer to read
}

export interface Store {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/**
 * What the customer said and the server has not acknowledged. It lives in the tab's session storage, so a reload loses
 * nothing; each entry keeps its client id for life, so sending it again can never double it.
 */
export class Outbox {
  private entries: Pending[];

  constructor(
    private store: Store,
    private key: string,
  ) {
    this.entries = this.load();
  }

  private load(): Pending[] {
    try {
      const v: unknown = JSON.parse(this.store.getItem(this.key) ?? "[]");
      if (!Array.isArray(v)) return [];
      return (v as Pending[])
        .filter((p) => typeof p?.clientId === "string")
        .map((p) => (p.state === "sending" ? { ...p, state: "waiting" } : p));
    } catch {
      return [];
    }
  }

  private save(): void {
    try {
      this.store.setItem(this.key, JSON.stringify(this.entries));
    } catch {
      // Storage may be full or forbidden: the entries still live in memory for this page.
    }
  }

  get all(): readonly Pending[] {
    return this.entries;
  }

  add(clientId: string, draft: Draft, at: number): Pending {
    const p: Pending = { clientId, ...draft, at, state: "waiting" };
    this.entries.push(p);
    this.save();
    return p;
  }

  /** The entries to send now, oldest first. A failed one does not hold up those behind it. */
  take(): Pending[] {
    const due = this.entries.filter((p) => p.state === "waiting");
    for (const p of due) p.state = "sending";
    this.save();
    return due;
  }

  /** The connection broke: what was under way has to be sent again. */
  requeue(): void {
    for (const p of this.entries) if (p.state === "sending") p.state = "waiting";
    this.save();
  }

  acked(clientId: string): boolean {
    const n = this.entries.length;
    this.entries = this.entries.filter((p) => p.clientId !== clientId);
    if (this.entries.length === n) return false;
    this.save();
    return true;
  }

  failed(clientId: string, reason: string): void {
    this.update(clientId, "failed", reason);
  }

  retry(clientId: string): void {
    this.update(clientId, "waiting");
  }

  private update(clientId: string, state: PendingState, reason?: string): void {
    for (const p of this.entries) {
      if (p.clientId !== clientId) continue;
      p.state = state;
      p.reason = reason;
    }
    this.save();
  }
}
