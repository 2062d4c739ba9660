import { describe, expect, it } from "vitest";
import { luminance } from "./look";
import { readFrame, readMessage, readSession } from "./protocol";
import { en, languageOf, translator, zh } from "./texts";
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
});

describe("the company's colour", () => {
  it("knows light from dark", () => {
    expect(luminance("#ffffff")).toBeCloseTo(1);
    expect(luminance("#000000")).toBe(0);
    expect(luminance("#f2c200")).toBeGreaterThan(0.4);
  });
});
