import { beforeEach, describe, expect, it, vi } from "vitest";
import { Attention } from "./attention";
import { Announcer } from "./events";
import { readMessage, type Message } from "./protocol";

const m = (seq: number, from = "bot", more = {}): Message => readMessage({ seq, from, text: `${seq}`, ...more })!;

let announcer: Announcer, told: unknown[], page: { title: string };

beforeEach(() => {
  const kept = new Map<string, string>();
  vi.stubGlobal("localStorage", { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => void kept.set(k, v), removeItem: (k: string) => void kept.delete(k) });
  vi.stubGlobal("document", (page = { title: "Shop" }));
  announcer = new Announcer();
  told = [];
  announcer.on("message", (v) => told.push(v.seq));
  announcer.on("unread", (n) => told.push(`unread ${n}`));
});

describe("attention", () => {
  it("counts what others said and was neither seen nor taken back, and shows it in the title", () => {
    const a = new Attention("k", announcer);
    a.begin("c");
    a.history(2);
    a.see(2);
    a.count([m(1), m(2)]);
    a.count([m(1), m(2), m(3), m(4, "customer"), m(5, "agent"), m(6, "agent", { state: "recalled" })]);
    expect([a.unread, page.title]).toEqual([2, "(2) Shop"]);
    page.title = "(2) Shop, another page";
    a.see(6);
    a.count([m(5)]);
    expect([a.unread, page.title]).toEqual([0, "Shop, another page"]);
    expect(told).toEqual([3, 5, 6, "unread 2", "unread 0"]);
  });

  it("remembers over a visit, but not for another conversation", () => {
    const before = new Attention("k", announcer);
    before.begin("c");
    before.see(7);
    const after = new Attention("k", announcer);
    after.begin("c");
    after.count([m(7), m(8)]);
    expect(after.unread).toBe(1);
    after.begin("another");
    after.count([m(7), m(8)]);
    expect(after.unread).toBe(2);
  });

  it("tells the others when a listener of the page fails", () => {
    const silent = vi.spyOn(console, "error").mockImplementation(() => undefined);
    const a = new Announcer();
    const heard: number[] = [];
    a.on("unread", () => {
      throw new Error("the host's");
    });
    const off = a.on("unread", (n) => heard.push(n));
    a.tell("unread", 1);
    off();
    a.tell("unread", 2);
    expect(heard).toEqual([1]);
    expect(silent).toHaveBeenCalledTimes(2);
  });
});
