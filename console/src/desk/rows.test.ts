import { describe, expect, it } from "vitest";
import type { Conversation } from "../api";
import { orderOf, passes, Rows } from "./rows";

const c = (id: string, at: number, more: Partial<Conversation> = {}): Conversation => ({
  id, site: "shop", contact: "p", visitor: "v", language: "zh-CN", owner: "bot", epoch: 1, seq: 1, episode: 1, preview: "", opened_at: 0, updated_at: at, unread: 0, ...more,
});
const ids = (r: Rows): string => r.now.rows.map((x) => x.id).join("");

describe("rows", () => {
  it("stand as the server lists them: the queue by waiting time, all by their beginning, one's own by the last change", () => {
    const mine = new Rows(orderOf("mine"));
    mine.load([c("a", 3), c("b", 2), c("c", 1)]);
    mine.apply([c("c", 4)], [], true);
    expect(ids(mine)).toBe("cab");
    const all = new Rows(orderOf("all"));
    all.load([c("a", 1, { opened_at: 9 }), c("b", 2, { opened_at: 8 })]);
    all.apply([c("b", 7, { opened_at: 8 })], [], true);
    expect(ids(all)).toBe("ab");
    const queue = new Rows(orderOf("queue"));
    queue.load([c("a", 1, { queued_at: 10 }), c("b", 9, { queued_at: 20 })]);
    queue.apply([c("x", 2, { queued_at: 30 }), c("a", 99, { queued_at: 10 })], [], true);
    expect(ids(queue)).toBe("abx");
  });

  it("do not move while held: changes in place, new ones counted, those that went stay", () => {
    const r = new Rows(orderOf("mine"));
    r.load([c("a", 3), c("b", 2), c("c", 1)]);
    r.hold(true);
    r.apply([c("c", 5, { preview: "new words" }), c("n", 6)], ["b"], true);
    expect(ids(r)).toBe("abc");
    expect(r.now.fresh).toBe(1);
    expect([...r.now.left]).toEqual(["b"]);
    expect(r.now.rows[2]?.preview).toBe("new words");
    r.hold(false);
    expect(ids(r)).toBe("nca");
    expect(r.now.fresh).toBe(0);
    expect(r.now.left.size).toBe(0);
  });

  it("that come and go again while held leave no trace, and one that comes back stays", () => {
    const r = new Rows(orderOf("mine"));
    r.load([c("a", 1)]);
    r.hold(true);
    r.apply([c("n", 2)], [], true);
    r.apply([], ["n", "a"], true);
    r.apply([c("a", 3)], [], true);
    r.hold(false);
    expect(ids(r)).toBe("a");
  });

  it("leave to later pages what sorts behind the last row", () => {
    const r = new Rows(orderOf("queue"));
    r.load([c("a", 0, { queued_at: 10 }), c("b", 0, { queued_at: 20 })]);
    r.apply([c("z", 0, { queued_at: 90 })], [], false);
    expect(ids(r)).toBe("ab");
    r.append([c("m", 0, { queued_at: 50 }), c("z", 0, { queued_at: 90 })]);
    expect(ids(r)).toBe("abmz");
    r.append([c("z", 0, { queued_at: 90 })]);
    expect(ids(r)).toBe("abmz");
  });

  it("keep to the filters, also what stops to fit them", () => {
    const r = new Rows(orderOf("mine"), passes({ site: "shop", language: "zh", agent: "" }));
    r.load([c("a", 2), c("e", 1, { language: "en" })]);
    expect(ids(r)).toBe("a");
    r.apply([c("a", 3, { language: "en" }), c("x", 4, { site: "other" })], [], true);
    expect(ids(r)).toBe("");
  });

  it("stay whole and in order among 20,000", () => {
    const r = new Rows(orderOf("mine"));
    r.load(Array.from({ length: 20_000 }, (_, i) => c(`c${i}`, i)));
    for (let n = 0; n < 50; n++) r.apply([c("c5", 30_000 + n)], [], false);
    expect(r.now.rows).toHaveLength(20_000);
    expect(r.now.rows[0]?.id).toBe("c5");
  });
});
