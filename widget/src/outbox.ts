import type { Draft, Part } from "./protocol";

/** uploading: its file is on the way. waiting: to be sent. sending: sent, not acknowledged. failed: refused, or given up. */
export type PendingState = "uploading" | "waiting" | "sending" | "failed";

/** What is known of a file besides its bytes. */
export interface FileInfo {
  name: string;
  type: string;
  size: number;
}

export interface Pending extends Draft {
  clientId: string;
  at: number;
  state: PendingState;
  file?: FileInfo; // it goes up first; parts hold it once it is there
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

  find(clientId: string): Pending | undefined {
    return this.entries.find((p) => p.clientId === clientId);
  }

  add(clientId: string, draft: Draft, at: number): Pending {
    return this.push({ clientId, ...draft, at, state: "waiting" });
  }

  /** Adds a message that consists of a file, to be uploaded before it is sent. */
  addFile(clientId: string, file: FileInfo, at: number): Pending {
    const { name, type, size } = file;
    return this.push({ clientId, at, state: "uploading", file: { name, type, size } });
  }

  private push(p: Pending): Pending {
    this.entries.push(p);
    this.save();
    return p;
  }

  /** The file of a message is on the server: now it can be sent. */
  uploaded(clientId: string, parts: Part[]): void {
    this.update(clientId, { state: "waiting", parts, reason: undefined });
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

  /** Files belong to the conversation they went up to: in another one they have to go up again. */
  moved(): void {
    for (const p of this.entries) {
      if (p.file) Object.assign(p, { state: "uploading", parts: undefined });
      if (p.form) Object.assign(p, { form: undefined, state: p.state === "sending" ? "waiting" : p.state }); // its words remain
    }
    this.save();
  }

  acked(clientId: string): boolean {
    return this.remove(clientId);
  }

  /** Takes an entry out; true if it was there. */
  remove(clientId: string): boolean {
    const n = this.entries.length;
    this.entries = this.entries.filter((p) => p.clientId !== clientId);
    if (this.entries.length === n) return false;
    this.save();
    return true;
  }

  failed(clientId: string, reason: string): void {
    this.update(clientId, { state: "failed", reason });
  }

  retry(clientId: string): void {
    const p = this.find(clientId);
    if (p) this.update(clientId, { state: p.file && !p.parts ? "uploading" : "waiting", reason: undefined });
  }

  private update(clientId: string, change: Partial<Pending>): void {
    const p = this.find(clientId);
    if (!p) return;
    Object.assign(p, change);
    this.save();
  }
}
