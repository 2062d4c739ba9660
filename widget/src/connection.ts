import { readFrame, type Draft, type Localized, type Message, type Owner, type Page, type Queue, type ServerFrame, type Session } from "./protocol";
import type { Outbox, Pending } from "./outbox";
import type { Transcript } from "./transcript";

/**
 * idle: not started. connecting: on the way to a socket. live: socket ready. polling: sockets do not get through here,
 * long polls do. waiting: backing off. offline: the device says it has no network.
 */
export type Status = "idle" | "connecting" | "live" | "polling" | "waiting" | "offline";

/** A refusal by the server. Anything else thrown by a Wire means that the server was not reached. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly kind: string,
    message: string,
    readonly retryAfterMs = 0,
    readonly field = "",
  ) {
    super(message);
  }

  get passing(): boolean {
    return this.status === 429 || this.status >= 500;
  }

  get sessionLost(): boolean {
    return this.status === 401 || this.status === 403;
  }
}

export interface SocketEvents {
  data(text: unknown): void;
  close(): void;
}

export interface Socket {
  send(text: string): void;
  close(): void;
}

/** How the connection reaches the server. */
export interface Wire {
  session(): Promise<Session>;
  forget(): void;
  ticket(): Promise<string>;
  open(ticket: string, after: number, on: SocketEvents): Socket;
  poll(after: number, waitSeconds: number): Promise<Page>;
  history(before: number): Promise<Page>; // 0: the newest
  post(clientId: string, draft: Draft): Promise<number>;
}

export interface Environment {
  timer(ms: number, run: () => void): () => void; // returns cancel
  random(): number;
  now(): number; // by the server's clock, as far as it is known
}

export interface Listener {
  status(s: Status): void;
  session(s: Session): void;
  begun(p: Page): void; // the newest page of the conversation
  owner(o: Owner, queue?: Queue, agent?: Localized): void;
  typing(from: string, name: Localized, on: boolean): void;
  changed(): void;
}

const ticketTries = 3; // sockets that never became ready before long polling takes over
const retrySocketMs = 60_000;
const pingMs = 25_000;
const pongMs = 10_000;
const wakePongMs = 3_000;
const ackMs = 10_000;
const pollSeconds = 25;

/** The wait before try n (0, 1, ..): doubling from half a second to 30 s, spread over its upper half. */
export function backoff(n: number, random: () => number): number {
  const full = Math.min(30_000, 500 * 2 ** n);
  return Math.round(full * (0.5 + random() / 2));
}

/**
 * Keeps the conversation in step with the server: a socket where one gets through, long polls elsewhere, and a way back
 * after sleep, network loss and server restarts. It resumes at the transcript's cursor and sends the outbox in order.
 */
export class Connection {
  status: Status = "idle";
  private session: Session | undefined;
  private conversation = ""; // the last one: what the outbox holds was meant for it
  private socket: Socket | undefined;
  private ready = false;
  private run = 0; // counts attempts; what belongs to an earlier one is ignored
  private failures = 0;
  private socketFailures = 0;
  private plannedMs: number | undefined;
  private posting = false;
  private reading: Promise<void> | undefined; // older pages
  private cancels = new Map<string, () => void>();

  constructor(
    private wire: Wire,
    private transcript: Transcript,
    private outbox: Outbox,
    private env: Environment,
    private on: Listener,
  ) {}

  start(): void {
    if (this.status === "idle") void this.attempt();
  }

  /** Sends what the outbox holds as soon as the server can be reached. */
  flush(): void {
    if (this.status === "live") this.sendAll();
    else if (this.status === "polling") void this.postAll();
    else this.start();
  }

  /** Reads the page before the oldest message; one at a time. It rejects when the server was not reached. */
  older(): Promise<void> {
    if (!this.transcript.more || !this.session) return Promise.resolve();
    const { conversation } = this.session;
    this.reading ??= this.wire
      .history(this.transcript.oldest)
      .then((p) => {
        if (this.session?.conversation !== conversation || !this.transcript.begun) return;
        this.transcript.prepend(p.messages, p.more);
        this.on.changed();
      })
      .finally(() => (this.reading = undefined));
    return this.reading;
  }

  /** The session was refused on another way to the server: begin with a new one. */
  expired(): void {
    this.session = undefined;
    this.wire.forget();
    void this.attempt();
  }

  typing(on: boolean): void {
    if (this.status === "live") this.frame({ type: "typing", on });
  }

  /** The page woke up or the network came back: find out now, not at the next tick. */
  wake(): void {
    if (this.status === "waiting" || this.status === "offline") {
      this.failures = 0;
      void this.attempt();
    } else if (this.status === "live") {
      this.ping(wakePongMs);
    }
  }

  offline(): void {
    if (this.status === "idle") return;
    this.drop();
    this.set("offline");
    this.on.changed();
  }

  stop(): void {
    this.drop();
    this.set("idle");
  }

  /** Leaves the session, for example because the customer signed in as somebody; the next start opens a new one. */
  reset(): void {
    this.stop();
    this.session = undefined;
  }

  private set(s: Status): void {
    if (this.status === s) return;
    this.status = s;
    this.on.status(s);
  }

  private after(name: string, ms: number, run: () => void): void {
    this.cancel(name);
    this.cancels.set(
      name,
      this.env.timer(ms, () => {
        this.cancels.delete(name);
        run();
      }),
    );
  }

  private cancel(name: string): void {
    this.cancels.get(name)?.();
    this.cancels.delete(name);
  }

  private drop(): void {
    this.run++;
    for (const name of [...this.cancels.keys()]) this.cancel(name);
    const s = this.socket;
    this.socket = undefined;
    this.ready = false;
    this.posting = false;
    this.outbox.requeue(); // what was under way is sent again, under the same ids
    s?.close();
  }

  private async attempt(): Promise<void> {
    this.drop();
    const run = this.run;
    this.set("connecting");
    try {
      await this.open(run);
      if (run !== this.run) return;
      const ticket = await this.wire.ticket();
      if (run !== this.run) return;
      this.socket = this.wire.open(ticket, this.transcript.cursor, {
        data: (text) => run === this.run && this.receive(text),
        close: () => run === this.run && this.lost(),
      });
      this.after("ready", pongMs, () => this.lost());
    } catch (err) {
      if (run === this.run) this.unreachable(err, () => void this.attempt());
    }
  }

  private async open(run: number): Promise<void> {
    if (!this.session) {
      const s = await this.wire.session();
      if (run !== this.run) return;
      if (this.conversation && this.conversation !== s.conversation) {
        this.transcript.clear();
        this.outbox.moved();
      }
      this.session = s;
      this.conversation = s.conversation;
      this.on.session(s);
    }
    if (this.transcript.begun) return;
    const p = await this.wire.history(0);
    if (run !== this.run) return;
    this.transcript.begin(p.messages, p.more, p.seq);
    for (const m of p.messages) if (m.clientId) this.outbox.acked(m.clientId);
    if (p.owner) this.on.owner(p.owner, p.queue);
    this.on.begun(p);
    this.on.changed();
  }

  /** A request failed: start over with a new session if this one is gone, else wait and try again. */
  private unreachable(err: unknown, again: () => void): void {
    this.drop();
    if (err instanceof Refusal && err.sessionLost) {
      this.session = undefined;
      this.wire.forget();
    }
    this.set("waiting");
    const wait = backoff(this.failures++, this.env.random);
    this.after("retry", Math.max(wait, err instanceof Refusal ? err.retryAfterMs : 0), again);
    this.on.changed();
  }

  private lost(): void {
    if (!this.ready) this.socketFailures++;
    const planned = this.plannedMs;
    this.plannedMs = undefined;
    this.drop();
    this.on.changed();
    if (this.socketFailures >= ticketTries) {
      void this.poll();
      return;
    }
    this.set("waiting");
    this.after("retry", planned ?? backoff(this.failures++, this.env.random), () => void this.attempt());
  }

  private receive(text: unknown): void {
    const f = readFrame(text);
    this.cancel("pong");
    if (f) this.handle(f);
  }

  private handle(f: ServerFrame): void {
    switch (f.type) {
      case "ready":
        if (f.seq < this.transcript.cursor) {
          this.transcript.clear(); // the server knows less than this page: it was restored. Start over.
          void this.attempt();
          return;
        }
        this.cancel("ready");
        this.ready = true;
        this.failures = 0;
        this.socketFailures = 0;
        this.set("live");
        this.beat();
        if (f.owner) this.on.owner(f.owner);
        this.sendAll();
        break;
      case "message":
        this.take(f.message);
        this.on.changed();
        break;
      case "ack":
        this.acked(f.clientId, f.seq);
        break;
      case "state":
        if (f.owner) this.on.owner(f.owner, f.queue, f.agent);
        break;
      case "typing":
        this.on.typing(f.from, f.name, f.on);
        break;
      case "error":
        this.refused(f);
        break;
      case "reconnect":
        this.plannedMs = Math.max(0, f.afterMs);
        this.lost();
        break;
      case "pong":
        break;
    }
  }

  private take(m: Message): void {
    this.transcript.apply(m, this.status === "live"); // the server tells what was missed before it says "ready"
    if (m.clientId) this.outbox.acked(m.clientId);
    this.settle();
  }

  private acked(clientId: string, seq: number): void {
    const p = this.outbox.all.find((x) => x.clientId === clientId);
    if (p) this.transcript.place({ ...p, at: this.env.now() }, seq); // it may have been written before the server's clock was known
    this.outbox.acked(clientId);
    this.settle();
    this.on.changed();
  }

  private settle(): void {
    if (!this.outbox.all.some((p) => p.state === "sending")) this.cancel("ack");
  }

  private refused(f: { kind: string; message: string; clientId?: string; retryAfterMs?: number }): void {
    if (!f.clientId) return;
    if (f.kind === "limited" || f.kind === "unavailable") {
      this.outbox.retry(f.clientId);
      this.after("flush", f.retryAfterMs ?? backoff(1, this.env.random), () => this.flush());
    } else {
      this.outbox.failed(f.clientId, f.kind);
    }
    this.settle();
    this.on.changed();
  }

  private frame(v: unknown): void {
    try {
      this.socket?.send(JSON.stringify(v));
    } catch {
      this.lost();
    }
  }

  private sendAll(): void {
    for (const p of this.outbox.take()) {
      if (p.form) {
        void this.postOne(p, this.run);
        continue;
      }
      this.frame({ type: "send", client_id: p.clientId, ...draftOf(p) });
      if (this.status !== "live") return;
      this.after("ack", ackMs, () => this.lost());
    }
    this.on.changed();
  }

  private beat(): void {
    this.after("beat", pingMs, () => {
      this.ping(pongMs);
      this.beat();
    });
  }

  private ping(within: number): void {
    this.frame({ type: "ping" });
    if (this.status === "live") this.after("pong", within, () => this.lost());
  }

  private async poll(): Promise<void> {
    this.drop();
    const run = this.run;
    const until = this.env.now() + retrySocketMs;
    try {
      await this.open(run);
      while (run === this.run) {
        if (!this.transcript.begun) await this.open(run);
        // The first round asks without waiting, so that "polling" means that it works.
        const page = await this.wire.poll(this.transcript.cursor, this.status === "polling" ? pollSeconds : 0);
        if (run !== this.run) return;
        this.failures = 0;
        this.set("polling");
        if (page.seq < this.transcript.cursor) {
          this.transcript.clear(); // restored, as above
          continue;
        }
        page.messages.forEach((m) => this.take(m));
        this.transcript.skipTo(page.seq);
        if (page.owner) this.on.owner(page.owner, page.queue);
        this.on.changed();
        void this.postAll();
        if (this.env.now() >= until) {
          this.socketFailures = ticketTries - 1; // one more try, then back here
          void this.attempt();
          return;
        }
      }
    } catch (err) {
      if (run !== this.run) return;
      this.unreachable(err, () => void this.poll());
    }
  }

  private async postAll(): Promise<void> {
    if (this.posting) return;
    this.posting = true;
    const run = this.run;
    for (const p of this.outbox.take()) {
      this.on.changed();
      if (await this.postOne(p, run)) continue;
      if (run === this.run) this.outbox.requeue();
      break;
    }
    if (run === this.run) this.posting = false;
    this.on.changed();
  }

  /** Sends one message by a request; false if it has to wait, and those behind it with it. */
  private async postOne(p: Pending, run: number): Promise<boolean> {
    try {
      const seq = await this.wire.post(p.clientId, draftOf(p));
      if (run !== this.run) return false;
      this.acked(p.clientId, seq);
      return true;
    } catch (err) {
      if (run !== this.run) return false;
      if (err instanceof Refusal && !err.passing && !err.sessionLost) {
        this.outbox.failed(p.clientId, err.kind);
        this.on.changed();
        return true;
      }
      this.outbox.retry(p.clientId);
      this.after("flush", Math.max(backoff(1, this.env.random), err instanceof Refusal ? err.retryAfterMs : 0), () => this.flush());
      return false;
    }
  }
}

function draftOf(p: Pending): Draft {
  if (p.form) return { text: p.text, form: p.form };
  return p.parts ? { parts: p.parts } : { text: p.text };
}
