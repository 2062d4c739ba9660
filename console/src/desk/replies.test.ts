import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { useReplies } from "./replies";

/** What the server was asked, and what it answers next: a status, or nothing at all. */
let asked: { client_id: string; text: string }[];
let answers: (number | "unreachable")[];

beforeEach(() => {
  asked = [];
  answers = [];
  vi.useFakeTimers();
  vi.stubGlobal("fetch", async (_url: string, init: RequestInit) => {
    asked.push(JSON.parse(String(init.body)) as (typeof asked)[number]);
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

describe("replies", () => {
  it("tries again under the same id while the server is away, and goes once it is shown", async () => {
    const { sending, send, seen } = useReplies();
    answers = ["unreachable", 503, 200];
    send("c", "您好");
    await vi.advanceTimersByTimeAsync(400 + 800);
    expect(asked).toHaveLength(3);
    expect(new Set(asked.map((a) => a.client_id)).size).toBe(1);
    expect(sending.value).toHaveLength(1);
    seen(new Set([asked[0]?.client_id ?? ""]));
    expect(sending.value).toEqual([]);
  });

  it("keeps what was refused for the agent to see and to send again", async () => {
    const { sending, send, again } = useReplies();
    answers = [409];
    send("c", "您好");
    await vi.advanceTimersByTimeAsync(0);
    const refused = sending.value[0];
    expect(refused?.failed).toBeInstanceOf(Error);
    if (refused) again(refused);
    await vi.advanceTimersByTimeAsync(3000);
    expect(asked).toHaveLength(2);
    expect(sending.value).toEqual([]);
  });
});
