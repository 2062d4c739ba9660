import { beforeEach, describe, expect, it } from "vitest";
import { backoff, Connection, Refusal, type Environment, type SocketEvents, type Status, type Wire } from "./connection";
import { Outbox } from "./outbox";
import { readMessage, type Draft, type Message, type Page, type Session } from "./protocol";
import { Transcript } from "./transcript";

/** A clock that moves only when told to. */
class Clock implements Environment {
  private time = 0;
  private timers: { at: number; run: () => void }[] = [];

  timer(ms: number, run: () => void): () => void {
    const t = { at: this.time + ms, run };
    this.timers.push(t);
    return () => (this.timers = this.timers.filter((x) => x !== t));
  }
  random(): number {
    return 1;
  }
  now(): number {
    return this.time;
  }
  async pass(ms: number): Promise<void> {
    const end = this.time + ms;
    for (;;) {
      await settle();
      const next = this.timers.filter((t) => t.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.time = next.at;
      this.timers = this.timers.filter((t) => t !== next);
      next.run();
    }
    this.time = end;
    await settle();
  }
}

/** Lets the promises that are due run. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

/** A server in memory: it keeps what it acknowledged and can be made to fail in the ways servers do. */
class Server implements Wire {
  log: Message[] = [];
  sockets: { after: number; sent: string[]; on: SocketEvents; closed: boolean }[] = [];
  down = false;
  socketsBlocked = false;
  sessions = 0;
  conversation = "c";
  histories: number[] = [];
  forgotten = 0;
  refuse: Refusal | undefined;
  pageSize = 100;
  polls: { after: number; wait: number; answer: () => void }[] = [];

  async session(): Promise<Session> {
    if (this.down) throw new TypeError("network");
    this.sessions++;
    return { token: "t", conversation: this.conversation, name: {}, languages: [], texts: {}, open: true, opensAt: 0, now: 0, maxChars: 4000 };
  }
  forget(): void {
    this.forgotten++;
  }
  async ticket(): Promise<string> {
    if (this.down) throw new TypeError("network");
    if (this.refuse) throw this.refuse;
    return "ticket";
  }
  open(_: string, after: number, on: SocketEvents): { send(t: string): void; close(): void } {
    const s = { after, sent: [] as string[], on, closed: false };
    this.sockets.push(s);
    if (this.socketsBlocked) queueMicrotask(() => on.close());
    return { send: (t) => void s.sent.push(t), close: () => (s.closed = true) };
  }
  async history(before: number): Promise<Page> {
    if (this.down) throw new TypeError("network");
    this.histories.push(before);
    const older = this.log.filter((m) => before === 0 || m.seq < before);
    return { messages: older.slice(-this.pageSize), more: older.length > this.pageSize, seq: this.log.reduce((n, m) => Math.max(n, m.change), 0) };
  }
  poll(after: number, wait: number): Promise<Page> {
    if (this.down) return Promise.reject(new TypeError("network"));
    const answer = () => ({ messages: this.log.filter((m) => m.change > after), seq: this.log.length, more: false });
    if (wait === 0) return Promise.resolve(answer());
    return new Promise((done) => this.polls.push({ after, wait, answer: () => done(answer()) }));
  }
  async post(clientId: string, draft: Draft): Promise<number> {
    if (this.down) throw new TypeError("network");
    if (this.refuse) throw this.refuse;
    return this.accept(clientId, draft.text ?? "");
  }
  accept(clientId: string, text: string): number {
    const known = this.log.find((m) => m.clientId === clientId);
    return known ? known.seq : this.say("customer", text, clientId);
  }
  say(from: string, text: string, clientId?: string): number {
    const seq = this.log.length + 1;
    const m = readMessage({ seq, from, text, client_id: clientId, at: 1 });
    if (m) this.log.push(m);
    return seq;
  }
  get last(): { after: number; sent: string[]; on: SocketEvents; closed: boolean } {
    const s = this.sockets[this.sockets.length - 1];
    if (!s) throw new Error("no socket was opened");
    return s;
  }
  frame(v: unknown): void {
    this.last.on.data(JSON.stringify(v));
  }
  /** Answers on the newest socket what a server would: acknowledges each send once. */
  work(): void {
    for (const text of this.last.sent.splice(0)) {
      const f = JSON.parse(text) as { type: string; client_id: string; text: string };
      if (f.type === "send") this.frame({ type: "ack", client_id: f.client_id, seq: this.accept(f.client_id, f.text) });
      if (f.type === "ping") this.frame({ type: "pong" });
    }
  }
}

class Memory {
  values = new Map<string, string>();
  getItem = (k: string): string | null => this.values.get(k) ?? null;
  setItem = (k: string, v: string): void => void this.values.set(k, v);
}

let clock: Clock, server: Server, transcript: Transcript, outbox: Outbox, connection: Connection, seen: Status[];

beforeEach(() => {
  clock = new Clock();
  server = new Server();
  transcript = new Transcript();
  outbox = new Outbox(new Memory(), "k");
  seen = [];
  connection = new Connection(server, transcript, outbox, clock, {
    status: (s) => seen.push(s),
    session: () => undefined,
    begun: () => undefined,
    owner: () => undefined,
    typing: () => undefined,
    changed: () => undefined,
  });
});

const say = (id: string, text = id): void => {
  outbox.add(id, { text }, 1);
  connection.flush();
};
const texts = (): string[] => transcript.messages.map((m) => m.text);

async function live(): Promise<void> {
  connection.start();
  await settle();
  server.frame({ type: "ready", seq: server.log.length, owner: "bot" });
}

describe("connection", () => {
  it("sends what was written before it was ready, in order, once", async () => {
    say("a");
    say("b");
    await settle();
    server.frame({ type: "ready", seq: 0, owner: "bot" });
    expect(server.last.sent.map((t) => (JSON.parse(t) as { client_id: string }).client_id)).toEqual(["a", "b"]);
    server.work();
    expect(outbox.all).toEqual([]);
    expect(texts()).toEqual(["a", "b"]);
    expect(transcript.cursor).toBe(0); // acknowledged is not told: the cursor waits for the changes themselves
  });

  it("sends again what was not acknowledged when the socket broke, and the server keeps it once", async () => {
    await live();
    say("a");
    server.accept("a", "a"); // stored, but the acknowledgement is lost with the socket
    server.last.on.close();
    expect(outbox.all.map((p) => p.state)).toEqual(["waiting"]);
    await clock.pass(500);
    server.frame({ type: "ready", seq: 1 });
    server.work();
    expect(outbox.all).toEqual([]);
    expect(server.log.map((m) => m.clientId)).toEqual(["a"]);
  });

  it("resumes where it was and takes overlap and revisions as they come", async () => {
    await live();
    server.frame({ type: "message", message: { seq: 1, from: "bot", text: "one", change: 1 } });
    server.frame({ type: "message", message: { seq: 2, from: "bot", text: "two", change: 2 } });
    server.last.on.close();
    await clock.pass(500);
    expect(server.last.after).toBe(2);
    server.frame({ type: "message", message: { seq: 2, from: "bot", text: "two", change: 2 } });
    server.frame({ type: "ready", seq: 3 });
    server.frame({ type: "message", message: { seq: 1, from: "bot", text: "one, mended", change: 4, revised: true } });
    expect(texts()).toEqual(["one, mended", "two"]);
    expect(transcript.cursor).toBe(4);
  });

  it("does not take the server's place in the sequence for its own", async () => {
    connection.start();
    await settle();
    server.frame({ type: "ready", seq: 9 }); // 9 changes exist, none was delivered yet
    server.last.on.close();
    await clock.pass(500);
    expect(server.last.after).toBe(0);
  });

  it("misses nothing when the socket breaks in the middle of history that was revised later", async () => {
    connection.start();
    await settle();
    server.frame({ type: "message", message: { seq: 1, from: "bot", text: "revised since", change: 90, revised: true } });
    server.last.on.close(); // 2 to 89 were still to come
    await clock.pass(500);
    expect(server.last.after).toBe(1);
  });

  it("starts over when the server was restored to an earlier state", async () => {
    server.socketsBlocked = true;
    ["one", "two", "three"].forEach((t) => server.say("bot", t));
    connection.start();
    await clock.pass(1500);
    expect(texts()).toEqual(["one", "two", "three"]);
    server.log.length = 1;
    server.polls[0]?.answer();
    await settle();
    server.polls.at(-1)?.answer();
    await settle();
    expect(texts()).toEqual(["one"]);
  });

  it("backs off while the server is away and comes back when the page wakes", async () => {
    server.down = true;
    connection.start();
    await clock.pass(500 + 1000 + 2000 + 4000);
    expect(connection.status).toBe("waiting");
    expect(server.sessions).toBe(0);
    server.down = false;
    connection.wake();
    await settle();
    server.frame({ type: "ready", seq: 0 });
    expect(connection.status).toBe("live");
  });

  it("waits as long as a full server asks for", async () => {
    server.refuse = new Refusal(503, "unavailable", "", 9000);
    connection.start();
    await clock.pass(8999);
    server.refuse = undefined;
    expect(server.sockets).toHaveLength(0);
    await clock.pass(1);
    expect(server.sockets).toHaveLength(1);
  });

  it("follows a planned restart at the time the server names", async () => {
    await live();
    server.frame({ type: "reconnect", after_ms: 1234 });
    expect(connection.status).toBe("waiting");
    await clock.pass(1233);
    expect(server.sockets).toHaveLength(1);
    await clock.pass(1);
    expect(server.sockets).toHaveLength(2);
  });

  it("notices a dead socket by the missing pong", async () => {
    await live();
    await clock.pass(25_000);
    expect(server.last.sent).toEqual(['{"type":"ping"}']);
    await clock.pass(10_000);
    expect(server.sockets[0]?.closed).toBe(true);
    expect(connection.status).not.toBe("live");
  });

  it("notices within seconds of waking that the socket died in its sleep", async () => {
    await live();
    connection.wake();
    await clock.pass(3000);
    expect(connection.status).toBe("waiting");
  });

  it("notices an acknowledgement that never comes", async () => {
    await live();
    say("a");
    await clock.pass(10_000);
    expect(server.sockets[0]?.closed).toBe(true);
    await clock.pass(500);
    server.frame({ type: "ready", seq: 0 });
    server.work();
    expect(texts()).toEqual(["a"]);
  });

  it("turns to long polls where no socket gets through, and tries the socket again after a minute", async () => {
    server.socketsBlocked = true;
    server.say("bot", "hello");
    connection.start();
    await clock.pass(500 + 1000);
    expect(connection.status).toBe("polling");
    expect(server.sockets).toHaveLength(3);
    expect(texts()).toEqual(["hello"]);

    say("a");
    await settle();
    expect(server.log.map((m) => m.text)).toEqual(["hello", "a"]);
    server.say("bot", "answer");
    server.polls[0]?.answer();
    await settle();
    expect(texts()).toEqual(["hello", "a", "answer"]);

    server.socketsBlocked = false;
    await clock.pass(60_000);
    server.polls[1]?.answer();
    await settle();
    expect(server.sockets).toHaveLength(4);
    server.frame({ type: "ready", seq: 3 });
    expect(connection.status).toBe("live");
  });

  it("keeps what the server refuses as failed with the reason, and sends it when told to", async () => {
    await live();
    say("a");
    server.frame({ type: "error", kind: "invalid", message: "too long", client_id: "a" });
    expect(outbox.all[0]).toMatchObject({ state: "failed", reason: "invalid" });
    say("b");
    server.work();
    expect(server.log.map((m) => m.text)).toContain("b");
    outbox.retry("a");
    connection.flush();
    server.work();
    expect(outbox.all).toEqual([]);
  });

  it("sends again by itself after being told to slow down", async () => {
    await live();
    say("a");
    server.last.sent.length = 0;
    server.frame({ type: "error", kind: "limited", message: "", client_id: "a", retry_after_ms: 700 });
    await clock.pass(699);
    expect(server.last.sent).toEqual([]);
    await clock.pass(1);
    server.work();
    expect(texts()).toEqual(["a"]);
  });

  it("opens a new session when the old one is gone", async () => {
    server.refuse = new Refusal(401, "denied", "");
    connection.start();
    await settle();
    expect(server.forgotten).toBe(1);
    server.refuse = undefined;
    await clock.pass(500);
    expect(server.sessions).toBe(2);
  });

  it("skips frames it does not know and text that is no frame", async () => {
    await live();
    server.last.on.data("{broken");
    server.frame({ type: "from the future" });
    server.frame({ type: "message", message: { seq: "x" } });
    expect(connection.status).toBe("live");
    expect(texts()).toEqual([]);
  });

  it("goes on with what is unsent in the new conversation when the old one is gone", async () => {
    await live();
    server.frame({ type: "message", message: { seq: 1, from: "bot", text: "of before" } });
    server.last.on.close();
    say("a");
    outbox.add("f", { text: "L: 1", form: { seq: 1, id: "x", values: { n: "1" } } }, 1);
    server.refuse = new Refusal(401, "denied", "");
    await clock.pass(500);
    server.refuse = undefined;
    server.conversation = "another";
    await clock.pass(1000);
    server.frame({ type: "ready", seq: 0 });
    server.work();
    expect(texts()).toEqual(["a", "L: 1"]); // the form was of before: its words remain
  });

  it("begins with the newest page and reads older ones once each", async () => {
    for (let i = 1; i <= 5; i++) server.say("bot", `${i}`);
    server.pageSize = 2;
    await live();
    expect(texts()).toEqual(["4", "5"]);
    expect(server.last.after).toBe(5);
    await Promise.all([connection.older(), connection.older()]);
    expect(texts()).toEqual(["2", "3", "4", "5"]);
    await connection.older();
    await connection.older();
    expect(texts()).toEqual(["1", "2", "3", "4", "5"]);
    expect(server.histories).toEqual([0, 4, 2]);
  });

  it("sends a form by a request of its own, and again after the network was gone", async () => {
    await live();
    server.down = true;
    outbox.add("f", { text: "L: 1", form: { seq: 1, id: "x", values: { n: "1" } } }, 1);
    connection.flush();
    await settle();
    expect(server.last.sent).toEqual([]);
    expect(outbox.find("f")?.state).toBe("waiting");
    server.down = false;
    await clock.pass(1000);
    expect(texts()).toEqual(["L: 1"]);
    expect(outbox.all).toEqual([]);
  });

  it("starts over when the server it finds was restored to an earlier state", async () => {
    ["one", "two", "three"].forEach((t) => server.say("bot", t));
    await live();
    server.log.length = 1;
    server.last.on.close();
    await clock.pass(500);
    server.frame({ type: "ready", seq: 1 });
    await settle();
    expect(texts()).toEqual(["one"]);
  });

  it("waits for the network while the device has none", async () => {
    await live();
    connection.offline();
    say("a");
    await clock.pass(120_000);
    expect(server.sockets).toHaveLength(1);
    connection.wake();
    await settle();
    server.frame({ type: "ready", seq: 0 });
    server.work();
    expect(texts()).toEqual(["a"]);
  });
});

describe("backoff", () => {
  it("doubles to half a minute and spreads over its upper half", () => {
    expect([0, 1, 2, 6, 40].map((n) => backoff(n, () => 1))).toEqual([500, 1000, 2000, 30000, 30000]);
    expect(backoff(2, () => 0)).toBe(1000);
  });
});
