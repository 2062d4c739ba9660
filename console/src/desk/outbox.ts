import { ref, type Ref } from "vue";
import { ApiError, newKey } from "../api";
import { desk, type Attachment } from "./requests";

/** What the agent sent and the conversation does not show yet. */
export interface Sending {
  clientId: string;
  conversation: string;
  kind: "reply" | "note";
  text: string;
  attachments: Attachment[];
  at: number;
  failed?: unknown; // the server refused it: it waits for the agent
}

export interface Store {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

const keepMs = 24 * 3600 * 1000;
const shownMs = 3000; // it is on disk by then; the conversation shows it, or is not looked at

/**
 * The agent's words under way. Each has a client id of its own, so sending it again never doubles it, and is kept on this
 * computer until the server has it: a reload, a network that is gone or a server that restarts lose nothing. It goes once
 * the conversation shows it. One that the server refused waits for the agent, one it did not get is tried again.
 */
export class Outbox {
  readonly sending: Ref<Sending[]> = ref([]);
  private active = new Set<string>();
  private waiting = new Set<() => void>();

  constructor(
    private store: Store,
    private staff: string,
  ) {}

  private get key(): string {
    return `sending:${this.staff}`;
  }

  /** Goes on with what was under way when the page was left. */
  resume(now = Date.now()): void {
    try {
      const kept = JSON.parse(this.store.getItem(this.key) ?? "[]") as Sending[];
      const have = new Set(this.sending.value.map((s) => s.clientId));
      this.sending.value = [...kept.filter((s) => now - s.at < keepMs && !have.has(s.clientId)), ...this.sending.value];
    } catch {
      this.store.removeItem(this.key);
    }
    for (const s of this.sending.value) if (!s.failed) void this.deliver(s);
  }

  send(s: Pick<Sending, "conversation" | "kind" | "text" | "attachments">): void {
    const made: Sending = { ...s, clientId: newKey(), at: Date.now() };
    this.set([...this.sending.value, made]);
    void this.deliver(made);
  }

  /** The server is there again: what waits for its next attempt tries now. */
  wake(): void {
    for (const go of this.waiting) go();
  }

  again(s: Sending): void {
    const fresh = { ...s, failed: undefined };
    this.set(this.sending.value.map((x) => (x.clientId === s.clientId ? fresh : x)));
    void this.deliver(fresh);
  }

  drop(clientId: string): void {
    if (this.sending.value.some((x) => x.clientId === clientId)) this.set(this.sending.value.filter((x) => x.clientId !== clientId));
  }

  /** What a conversation shows is no longer under way. */
  seen(clientIds: ReadonlySet<string>): void {
    if (this.sending.value.some((x) => clientIds.has(x.clientId))) this.set(this.sending.value.filter((x) => !clientIds.has(x.clientId)));
  }

  private set(all: Sending[]): void {
    this.sending.value = all;
    try {
      const kept = all.filter((s) => !s.failed);
      if (kept.length > 0) this.store.setItem(this.key, JSON.stringify(kept));
      else this.store.removeItem(this.key);
    } catch {
      // Full or forbidden storage: it is still sent, only a reload would lose it.
    }
  }

  private pause(ms: number): Promise<void> {
    return new Promise((done) => {
      const go = (): void => {
        clearTimeout(timer);
        this.waiting.delete(go);
        done();
      };
      const timer = setTimeout(go, ms);
      this.waiting.add(go);
    });
  }

  private async deliver(s: Sending): Promise<void> {
    if (this.active.has(s.clientId)) return;
    this.active.add(s.clientId);
    try {
      for (let n = 0; this.sending.value.some((x) => x.clientId === s.clientId); n++) {
        try {
          if (s.kind === "note") await desk.note(s.conversation, s.clientId, s.text);
          else await desk.reply(s.conversation, s.clientId, s.text, s.attachments.map((a) => a.id));
          setTimeout(() => this.drop(s.clientId), shownMs);
          return;
        } catch (err) {
          const status = err instanceof ApiError ? err.status : -1;
          if (status === 401) return; // it stays, and goes on when its writer is signed in again
          if (status !== 0 && status !== 429 && status < 500) {
            this.set(this.sending.value.map((x) => (x.clientId === s.clientId ? { ...x, failed: err } : x)));
            return;
          }
          await this.pause(Math.min(8000, 400 * 2 ** n));
        }
      }
    } finally {
      this.active.delete(s.clientId);
    }
  }
}

const outboxes = new Map<string, Outbox>();

/** The one outbox of a member of staff in this tab; it outlives the page that shows it. */
export function outboxOf(staff: string): Outbox {
  let box = outboxes.get(staff);
  if (!box) outboxes.set(staff, (box = new Outbox(localStorage, staff)));
  box.resume();
  return box;
}
