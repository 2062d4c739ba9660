import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../api";
import { Outbox } from "./outbox";

/** What the server was asked, and what it answers next: a status, or nothing at all. */
let asked: { url: string; client_id: string; text?: string; attachments?: string[] }[];
let answers: (number | "unreachable")[];

beforeEach(() => {
  asked = [];
  answers = [];
  vi.useFakeTimers();
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    asked.push({ url, ...(JSON.parse(String(init.body)) as { client_id: string }) });
    const answer = answers.shift() ?? 200;
    if (answer === "unreachable") throw new TypeError("network");
    const body = answer === 200 ? { seq: 1 } : { error: { kind: "denied", message: "The conversation is not yours." } };
    return new Response(JSON.stringify(body), { status: answer });
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function memory() {
  const values = new Map<string, string>();
  return { values, getItem: (k: string) => values.get(k) ?? null, setItem: (k: string, v: string) => void values.set(k, v), removeItem: (k: string) => void values.delete(k) };
}
const reply = { conversation: "c", kind: "reply", text: "您好", attachments: [] } as const;

describe("outbox", () => {
  it("tries again under the same id while the server is away, and lets go once it is shown", async () => {
    const box = new Outbox(memory(), "me");
    answers = ["unreachable", 503, 200];
    box.send({ ...reply, attachments: [] });
    await vi.advanceTimersByTimeAsync(400 + 800);
    expect(asked).toHaveLength(3);
    expect(new Set(asked.map((a) => a.client_id)).size).toBe(1);
    box.seen(new Set([asked[0]?.client_id ?? ""]));
    expect(box.sending.value).toEqual([]);
  });

  it("does not sit out a long pause once the server is there again", async () => {
    const box = new Outbox(memory(), "me");
    answers = [...Array<"unreachable">(6).fill("unreachable"), 200];
    box.send({ ...reply, attachments: [] });
    await vi.advanceTimersByTimeAsync(400 + 800 + 1600 + 3200 + 6400);
    expect(asked).toHaveLength(6);
    box.wake();
    await vi.advanceTimersByTimeAsync(0);
    expect(asked).toHaveLength(7);
  });

  it("keeps what was refused for the agent to see and to send again", async () => {
    const box = new Outbox(memory(), "me");
    answers = [409];
    box.send({ ...reply, attachments: [] });
    await vi.advanceTimersByTimeAsync(0);
    const refused = box.sending.value[0];
    expect(refused?.failed).toBeInstanceOf(ApiError);
    box.again(refused!);
    await vi.advanceTimersByTimeAsync(3000);
    expect(asked).toHaveLength(2);
    expect(box.sending.value).toEqual([]);
  });

  it("goes on after a reload, under the same id, and not for a colleague", async () => {
    const store = memory();
    answers = ["unreachable"];
    new Outbox(store, "me").send({ ...reply, attachments: [] });
    await vi.advanceTimersByTimeAsync(0);
    const you = new Outbox(store, "you");
    you.resume();
    expect(you.sending.value).toEqual([]);
    const me = new Outbox(store, "me");
    me.resume();
    await vi.advanceTimersByTimeAsync(0);
    expect(asked.at(-1)?.client_id).toBe(asked[0]?.client_id);
    await vi.advanceTimersByTimeAsync(3000);
    expect(store.values.size).toBe(0);
  });

  it("waits, and says nothing bad, while its writer is signed out", async () => {
    const store = memory();
    const box = new Outbox(store, "me");
    answers = [401];
    box.send({ ...reply, attachments: [] });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toHaveLength(1);
    expect(box.sending.value[0]?.failed).toBeUndefined();
    box.resume();
    await vi.advanceTimersByTimeAsync(3000);
    expect(asked).toHaveLength(2);
    expect(box.sending.value).toEqual([]);
  });

  it("sends a note as a note", async () => {
    const box = new Outbox(memory(), "me");
    box.send({ conversation: "c", kind: "note", text: "careful", attachments: [] });
    await vi.advanceTimersByTimeAsync(0);
    expect(asked[0]?.url).toMatch(/\/notes$/);
  });
});
