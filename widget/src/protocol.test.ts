import { describe, expect, it } from "vitest";
import { readFrame, readMessage, readSession } from "./protocol";
import { back, en, languageOf, reasonText, translator, when, zh } from "./texts";
import { Transcript } from "./transcript";

describe("reading the wire", () => {
  it("turns plain text into a part and microseconds into milliseconds", () => {
    expect(readMessage({ seq: 3, from: "bot", text: "hi", at: 1_700_000_000_000_000 })).toMatchObject({
      change: 3,
      at: 1_700_000_000_000,
      parts: [{ kind: "text", text: "hi" }],
    });
  });

  it.each([[null], [{ seq: 0, from: "bot" }], [{ seq: 1, from: "stranger" }], ["text"], [[1]]])("drops %j", (v) => {
    expect(readMessage(v)).toBeUndefined();
  });

  it("drops broken parts among good ones", () => {
    const m = readMessage({ seq: 1, from: "bot", text: "t", parts: [7, { kind: "buttons", buttons: [{ label: "A" }, { value: "no label" }, null] }] });
    expect(m?.parts).toHaveLength(1);
    expect(m?.parts[0]?.buttons).toEqual([{ label: "A", value: "A" }]);
  });

  it("reads site texts given as text or by language", () => {
    const s = readSession({ token: "t", conversation: "c", site: { name: "S", texts: { greeting: "你好", title: { en: "Shop", zh: 4 } } } });
    expect(s?.texts).toEqual({ greeting: { zh: "你好", en: "你好" }, title: { en: "Shop" } });
    expect(s?.name).toEqual({ zh: "S", en: "S" });
  });

  it("reads forms, and takes a choice without choices for a text", () => {
    const m = readMessage({ seq: 1, from: "bot", parts: [{ kind: "form", form: { id: "f", title: "T", fields: [{ name: "a", label: "A", type: "choice" }, { name: "b", label: "B", type: "rocket", required: true }, { label: "no name" }] } }] });
    expect(m?.parts[0]?.form?.fields).toEqual([
      { name: "a", label: "A", type: "text", required: false, choices: [] },
      { name: "b", label: "B", type: "text", required: true, choices: [] },
    ]);
  });

  it("reads names by language, the wait, and who types", () => {
    expect(readMessage({ seq: 1, from: "agent", text: "x", author_name: { zh: "云", en: 3 } })?.name).toEqual({ zh: "云" });
    expect(readFrame('{"type":"state","owner":"agent","agent":{"name":{"en":"Rowan"}}}')).toMatchObject({ agent: { en: "Rowan" } });
    expect(readFrame('{"type":"state","owner":"queue","queue":{"position":2,"wait_s":90,"open":false}}')).toMatchObject({ queue: { position: 2, waitSeconds: 90, open: false } });
    expect(readFrame('{"type":"typing","from":"agent","name":{"zh":"云"}}')).toMatchObject({ from: "agent", name: { zh: "云" }, on: true });
  });

  it("reads queue places and ignores a frame that is not JSON", () => {
    expect(readFrame('{"type":"state","owner":"queue","queue":{"position":2}}')).toMatchObject({ owner: "queue", queue: { position: 2, open: true } });
    expect(readFrame(new ArrayBuffer(2))).toBeUndefined();
  });
});

describe("transcript", () => {
  const m = (seq: number, change: number, text: string) => {
    const x = readMessage({ seq, change, from: "bot", text });
    if (!x) throw new Error("not a message");
    return x;
  };

  it("ends the same whatever the order and however often changes come", () => {
    const changes = [m(1, 1, "a"), m(2, 2, "b"), m(1, 3, "a2"), m(3, 4, "c"), m(2, 5, "")];
    const orders = [changes, [...changes].reverse(), [...changes, ...changes], [3, 1, 4, 0, 2].map((i) => changes[i]!)];
    for (const order of orders) {
      const t = new Transcript();
      order.forEach((x) => t.apply(x, true));
      expect(t.messages.map((x) => x.text)).toEqual(["a2", "", "c"]);
      expect(t.cursor).toBe(5);
    }
  });

  it("lets the told message replace the placed one", () => {
    const t = new Transcript();
    t.place({ clientId: "a", text: "my phone is 1", at: 1 }, 1);
    t.place({ clientId: "a", text: "again", at: 1 }, 1);
    expect(t.cursor).toBe(0);
    t.apply(m(1, 1, "my phone is <phone:1>"));
    expect(t.messages.map((x) => x.text)).toEqual(["my phone is <phone:1>"]);
  });
});

describe("what was acknowledged", () => {
  it("still says which form it filled in", () => {
    const t = new Transcript();
    t.place({ clientId: "a", text: "L: 1", at: 1, form: { seq: 1, id: "repair", values: {} } }, 2);
    expect(t.messages[0]?.parts).toEqual([{ kind: "form", text: "L: 1", form: { id: "repair", title: "", fields: [] } }]);
  });
});

describe("history", () => {
  const m = (seq: number, text = `${seq}`, change = seq) => readMessage({ seq, change, from: "bot", text })!;

  it("begins with the newest page and is read backwards", () => {
    const t = new Transcript();
    t.begin([m(5), m(6)], true, 9);
    expect([t.cursor, t.oldest, t.more, t.begun]).toEqual([9, 5, true, true]);
    t.prepend([m(3), m(4)], true);
    t.prepend([m(1), m(2)], false);
    expect(t.messages.map((x) => x.text)).toEqual(["1", "2", "3", "4", "5", "6"]);
    expect(t.more).toBe(false);
  });

  it("leaves out a change to what was not read back to yet, and has it when it is", () => {
    const t = new Transcript();
    t.begin([m(5)], true, 5);
    expect(t.apply(m(2, "two, mended", 6), true)).toBe(false);
    expect(t.cursor).toBe(6);
    expect(t.messages.map((x) => x.text)).toEqual(["5"]);
    t.prepend([m(1), m(2, "two, mended", 6)], false);
    expect(t.messages.map((x) => x.text)).toEqual(["1", "two, mended", "5"]);
  });
});

describe("texts", () => {
  it("has the same keys and places for numbers in both languages, and no empty text", () => {
    expect(Object.keys(en)).toEqual(Object.keys(zh));
    for (const key of Object.keys(zh) as (keyof typeof zh)[]) {
      expect(zh[key].trim(), key).not.toBe("");
      expect(en[key].trim(), key).not.toBe("");
      expect(en[key].includes("{n}"), key).toBe(zh[key].includes("{n}"));
    }
  });

  it("speaks Chinese where the page does, else English", () => {
    expect(["zh-CN", "zh", "ZH-tw", "en-GB", "fr", "", undefined].map(languageOf)).toEqual(["zh", "zh", "zh", "en", "en", "en", "en"]);
    expect(translator("zh")("waitPlace", 3)).toContain("3");
  });

  it("says why a message failed in the customer's language, never in the server's words", () => {
    expect(reasonText(translator("zh"), "fileSize")).toBe(zh.fileSize);
    expect(reasonText(translator("zh"), "invalid")).toBe(zh.refused);
    expect(reasonText(translator("en"), "has 5000 characters")).toBe(en.failed);
    expect(reasonText(translator("en"), "toString")).toBe(en.failed);
  });

  it("tells times by the server's day: only the clock today, the date otherwise, the year if it is another", () => {
    const at = (text: string): number => new Date(text).getTime();
    const now = at("2026-11-22T20:00");
    expect(when(at("2026-11-22T09:05"), now, "zh")).toBe("09:05");
    expect(when(at("2026-11-21T23:59"), now, "zh")).toBe("11月21日 23:59");
    expect(when(at("2025-11-22T09:05"), now, "en")).toMatch(/2025/);
    expect(back(at("2026-11-23T09:00"), now, "zh")).toBe("09:00");
    expect(back(at("2026-11-23T09:00"), now, "en")).toBe("at 09:00");
    expect(back(at("2026-11-24T09:00"), now, "zh")).toMatch(/周二/);
  });
});
