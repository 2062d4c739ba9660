import { describe, expect, it } from "vitest";
import type { Message } from "../api";
import { isWish, layout, summary, type Folding, type Item } from "./layout";

const day = 24 * 3600 * 1_000_000;
const m = (seq: number, from: Message["from"], at: number, episode = 1, more: Partial<Message> = {}): Message => ({ seq, change: seq, from, at, episode, text: `${from} ${seq}`, ...more });
const fold = (f: Partial<Folding> = {}): Folding => ({ episodes: new Set(), bot: false, person: false, day: (at) => String(Math.floor(at / day)), ...f });
const drawn = (items: readonly Item[]): string =>
  items.map((i) => (i.kind === "message" ? `${i.first ? "+" : ""}${i.message.seq}` : i.kind === "day" ? "|" : i.kind === "bot" ? `bot${i.count}${i.open ? "v" : ""}` : `e${i.number}:${i.count}${i.open ? "v" : ""}`)).join(" ");

describe("layout", () => {
  it("names a speaker once, and again after a pause", () => {
    const minutes = 60_000_000;
    expect(drawn(layout([m(1, "customer", 0), m(2, "customer", minutes), m(3, "bot", minutes), m(4, "bot", 9 * minutes)], fold()))).toBe("| +1 2 +3 +4");
  });

  it("begins each day with a line", () => expect(drawn(layout([m(1, "customer", 0), m(2, "bot", day)], fold()))).toBe("| +1 | +2"));

  it("folds earlier visits to a line each, and opens the ones that are wanted", () => {
    const talk = [m(1, "customer", 0, 1), m(2, "bot", 1, 1), m(3, "customer", day, 2), m(4, "customer", 2 * day, 3)];
    expect(drawn(layout(talk, fold()))).toBe("e1:2 e2:1 | +4");
    expect(drawn(layout(talk, fold({ episodes: new Set([1]) })))).toBe("e1:2v | +1 +2 e2:1 | +4");
  });

  it("folds the bot's part once a person has it, all but its end", () => {
    const talk = [1, 2, 3, 4, 5, 6, 7].map((n) => m(n, n % 2 ? "customer" : "bot", n));
    talk.push(m(8, "system", 8), m(9, "agent", 9));
    expect(drawn(layout(talk, fold()))).toBe("| +1 +2 +3 +4 +5 +6 +7 +8 +9");
    expect(drawn(layout(talk, fold({ person: true })))).toBe("bot4 +5 +6 +7 +8 +9");
    expect(drawn(layout(talk.slice(1), fold({ person: true })))).toBe("bot3 +5 +6 +7 +8 +9");
    expect(drawn(layout(talk, fold({ person: true, bot: true })))).toBe("bot4v | +1 +2 +3 +4 +5 +6 +7 +8 +9");
  });

  it("does not fold what is short anyway", () => expect(drawn(layout([m(1, "customer", 0), m(2, "bot", 0), m(3, "agent", 0)], fold({ person: true })))).toBe("| +1 +2 +3"));

  it("is nothing for nothing", () => expect(layout([], fold())).toEqual([]));
});

describe("summary", () => {
  const source = (id: string) => ({ parts: [{ kind: "text", text: "..", sources: [{ id, title: `entry ${id}`, score: 0.9 }] }] });
  const talk = [
    m(1, "customer", 0, 1, { text: "of an earlier visit" }),
    m(2, "bot", 0, 1, source("old")),
    m(3, "customer", 0, 2, { text: "怎么退货" }),
    m(4, "bot", 0, 2, { ...source("return"), solved: -1 }),
    m(5, "customer", 0, 2, { text: "人工" }),
    m(6, "agent", 0, 2),
    m(7, "customer", 0, 2, { text: "later, with a person" }),
  ];
  it("says what was wanted, what was answered and how that was taken, of this visit only", () => {
    expect(summary(talk, ["量子"], isWish)).toEqual({ asked: ["怎么退货"], answered: [{ id: "return", title: "entry return", solved: -1 }], missed: ["量子"], messages: 3 });
  });
  it("is absent where no bot spoke", () => expect(summary([m(1, "customer", 0), m(2, "agent", 0)], [], isWish)).toBeUndefined());
  it.each([["转人工", true], ["人工客服", true], ["Talk to a person", true], ["人工费多少", false]])("%s as a mere wish: %s", (text, is) => expect(isWish(text)).toBe(is));
});
