import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError, type Conversation, type Message } from "./api";
import { Live, type Outside, type Wire } from "./live";

/** The far end of one connection: what the page sent, and the means to answer or cut. */
class Line implements Wire {
  onmessage: Wire["onmessage"] = null;
  onclose: Wire["onclose"] = null;
  sent: Record<string, unknown>[] = [];
  closed = false;
  constructor(readonly after: string) {}
  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }
  close(): void {
    this.closed = true;
  }
  tell(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) } as MessageEvent<string>);
  }
  cut(): void {
    this.closed = true;
    this.onclose?.(new Event("close") as CloseEvent);
  }
  of(type: string): Record<string, unknown>[] {
    return this.sent.filter((f) => f.type === type);
  }
}

const row = (id: string): Conversation => ({ id }) as Conversation;
const message = (seq: number): Message => ({ seq, change: seq }) as Message;

function world() {
  const lines: Line[] = [];
  const denied: string[] = [];
  const rows = { queue: [row("q1"), row("q2")], mine: [row("m1")] } as Record<string, Conversation[]>;
  const outside = {
    ticket: vi.fn(async () => "t"),
    connect: (_ticket: string, after: string) => {
      const line = new Line(after);
      lines.push(line);
      return line;
    },
    list: vi.fn(async (view: string) => ({ items: rows[view] ?? [] })),
    messages: vi.fn(async (_id: string, after: number) => (after < 7 ? { messages: [message(7)], seq: 7 } : { messages: [], seq: 7 })),
    conversation: vi.fn(async (id: string) => row(id)),
    denied: (reason: string) => void denied.push(reason),
    random: () => 0.5,
  };
  const live = new Live(outside satisfies Outside);
  /** The newest line. */
  const line = (): Line => lines.at(-1)!;
  const join = async (cursor = "c1", resumed = false): Promise<void> => {
    await vi.advanceTimersByTimeAsync(0);
    line().tell({ type: "ready", cursor, resumed });
  };
  return { live, outside, lines, line, join, denied };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("live", () => {
  it("watches and opens what is on the screen as soon as it is ready", async () => {
    const { live, line, join } = world();
    const list = live.list("queue", undefined, { changed: () => undefined, reset: () => undefined });
    live.follow("a", 5, { changed: () => undefined });
    live.start();
    expect(live.link.value).toBe("connecting");
    await join();
    expect(live.link.value).toBe("live");
    expect(line().sent).toEqual([
      { type: "watch", view: "queue", ids: [] },
      { type: "open", conversation: "a", after: 5 },
    ]);
    list.hold(["q1"]);
    list.hold(["q1", "q2"]);
    await vi.advanceTimersByTimeAsync(300);
    expect(line().of("watch").at(-1)).toEqual({ type: "watch", view: "queue", ids: ["q1", "q2"] });
    expect(line().of("watch")).toHaveLength(2);
  });

  it("goes on after a cut where it was, with the rows and numbers it holds", async () => {
    const { live, line, lines, join } = world();
    const news: number[] = [];
    live.list("mine", undefined, { changed: () => undefined, reset: () => undefined }).hold(["m1"]);
    live.follow("a", 0, { changed: (n) => news.push(...n.messages.map((m) => m.seq)) });
    live.start();
    await join("c1");
    line().tell({ type: "conversation", id: "a", messages: [message(1), message(4)], seq: 4 });
    line().tell({ type: "conversations", cursor: "c9", counts: { mine: 1, queue: 2, bot: 3, all: 6 } });
    expect(live.counts.value?.queue).toBe(2);
    line().cut();
    expect(live.link.value).toBe("lost");
    await vi.advanceTimersByTimeAsync(1000);
    expect(lines).toHaveLength(2);
    expect(line().after).toBe("c9");
    await join("c9", true);
    expect(line().sent).toEqual([
      { type: "watch", view: "mine", ids: ["m1"] },
      { type: "open", conversation: "a", after: 4 },
    ]);
    expect(news).toEqual([1, 4]);
  });

  it("loads the list again when too much was missed", async () => {
    const { live, line, join } = world();
    let resets = 0;
    live.list("all", undefined, { changed: () => undefined, reset: () => resets++ });
    live.start();
    await join("c1");
    expect(resets).toBe(0);
    line().cut();
    await vi.advanceTimersByTimeAsync(1000);
    await join("c2", false);
    expect(resets).toBe(1);
    line().tell({ type: "reset", cursor: "c3" });
    expect(resets).toBe(2);
  });

  it("waits longer after each failure, and never longer than 15 s", async () => {
    const { live, outside, lines } = world();
    const at: number[] = [];
    outside.ticket.mockImplementation(async () => {
      at.push(Date.now());
      throw new ApiError(0, "unreachable", "");
    });
    live.start();
    await vi.advanceTimersByTimeAsync(60_000);
    const waits = at.slice(1).map((t, i) => t - at[i]!);
    expect(waits.slice(0, 5)).toEqual([750, 1250, 2250, 4250, 7750]);
    expect(Math.max(...waits)).toBe(7750); // half of 0.5 to 15 s, with the middle random number
    expect(lines).toHaveLength(0);
  });

  it("comes back at the server's word, and later than it says", async () => {
    const { live, line, lines, join } = world();
    live.start();
    await join();
    line().tell({ type: "reconnect", after_ms: 4000 });
    await vi.advanceTimersByTimeAsync(3900);
    expect(lines).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(2200);
    expect(lines).toHaveLength(2);
  });

  it("tries a line that has been quiet, and leaves it when nothing comes back", async () => {
    const { live, line, lines, join } = world();
    live.start();
    await join();
    await vi.advanceTimersByTimeAsync(25_000);
    expect(line().of("ping")).toHaveLength(1);
    line().tell({ type: "pong", cursor: "c2" });
    await vi.advanceTimersByTimeAsync(25_000);
    expect(line().of("ping")).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(lines[0]?.closed).toBe(true);
    expect(live.link.value).toBe("lost");
    await vi.advanceTimersByTimeAsync(1000);
    expect(line().after).toBe("c2");
  });

  it("does not wait when the network is back", async () => {
    const { live, line, lines, join } = world();
    live.start();
    await join();
    live.offline();
    expect(live.link.value).toBe("offline");
    expect(line().closed).toBe(true);
    live.wake();
    await vi.advanceTimersByTimeAsync(0);
    expect(lines).toHaveLength(2);
  });

  it("asks the API where no socket comes through, and changes over when one does", async () => {
    const { live, outside, line, join } = world();
    const shown: string[][] = [];
    const gone: string[] = [];
    const seqs: number[] = [];
    const list = live.list("queue", undefined, { changed: (n) => (shown.push(n.items.map((c) => c.id)), gone.push(...n.gone)), reset: () => undefined });
    list.hold(["q1", "old"]);
    live.follow("a", 3, { changed: (n) => seqs.push(...n.messages.map((m) => m.seq)) });
    live.start();
    for (let n = 0; n < 3; n++) {
      await vi.advanceTimersByTimeAsync(3000);
      line().cut();
    }
    expect(live.link.value).toBe("polling");
    await vi.advanceTimersByTimeAsync(100);
    expect(shown[0]).toEqual(["q1", "q2"]);
    expect(gone).toContain("old");
    expect(live.counts.value?.queue).toBe(2);
    expect(seqs).toEqual([7]);
    await vi.advanceTimersByTimeAsync(3000);
    expect(seqs, "what is known is not told again").toEqual([7]);
    await vi.advanceTimersByTimeAsync(90_000);
    const asked = outside.list.mock.calls.length;
    await join();
    expect(live.link.value).toBe("live");
    expect(line().of("open")).toEqual([{ type: "open", conversation: "a", after: 7 }]);
    await vi.advanceTimersByTimeAsync(9000);
    expect(outside.list.mock.calls.length).toBe(asked);
  });

  it("asks the API where the browser forbids sockets altogether", async () => {
    const { live, outside } = world();
    outside.connect = () => {
      throw new DOMException("forbidden", "SecurityError");
    };
    live.start();
    await vi.advanceTimersByTimeAsync(6000);
    expect(live.link.value).toBe("polling");
    expect(outside.list).toHaveBeenCalled();
  });

  it("stays away when the session or the right is gone", async () => {
    const { live, line, lines, join, denied } = world();
    live.start();
    await join();
    line().tell({ type: "denied", reason: "permission" });
    expect(denied).toEqual(["permission"]);
    expect(live.link.value).toBe("off");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(lines).toHaveLength(1);
  });

  it("tells each page only its own, and nothing after it has left", async () => {
    const { live, line, join } = world();
    const told: string[] = [];
    const a = live.follow("a", 0, { changed: () => told.push("a"), presence: (s) => told.push(s.map((x) => x.name).join()), typing: (on) => told.push(`typing ${on}`), failed: (k) => told.push(k) });
    live.start();
    await join();
    line().tell({ type: "presence", conversation: "a", staff: [{ id: "1", name: "溪小满", typing: true }] });
    line().tell({ type: "typing", conversation: "a", from: "customer", on: true });
    line().tell({ type: "conversation", id: "b", messages: [message(1)], seq: 1 });
    line().tell({ type: "error", kind: "not_found", message: "", conversation: "a" });
    expect(told).toEqual(["溪小满", "typing true", "not_found"]);
    a.stop();
    expect(line().of("leave")).toEqual([{ type: "leave", conversation: "a" }]);
    line().tell({ type: "conversation", id: "a", messages: [message(2)], seq: 2 });
    expect(told).toHaveLength(3);
  });

  it("passes on what is worth a notification", async () => {
    const { live, line, join } = world();
    const seen: string[] = [];
    const off = live.onNotice((n) => seen.push(`${n.kind} ${n.conversation.id}`));
    live.start();
    await join();
    line().tell({ type: "notice", kind: "queued", conversation: row("x"), at: 1 });
    off();
    line().tell({ type: "notice", kind: "message", conversation: row("x"), at: 2 });
    expect(seen).toEqual(["queued x"]);
  });
});
