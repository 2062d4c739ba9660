import { describe, expect, it } from "vitest";
import { Outbox } from "./outbox";

function memory(initial?: string) {
  const values = new Map<string, string>(initial === undefined ? [] : [["k", initial]]);
  return { getItem: (k: string) => values.get(k) ?? null, setItem: (k: string, v: string) => void values.set(k, v) };
}

describe("outbox", () => {
  it("survives a reload, and what was under way is sent again with the same id", () => {
    const store = memory();
    const before = new Outbox(store, "k");
    before.add("a", { text: "hello" }, 1);
    before.add("b", { text: "again" }, 2);
    before.take();
    before.failed("b", "no");
    const after = new Outbox(store, "k");
    expect(after.all.map((p) => [p.clientId, p.state])).toEqual([
      ["a", "waiting"],
      ["b", "failed"],
    ]);
    expect(after.take().map((p) => p.clientId)).toEqual(["a"]);
  });

  it("forgets what was acknowledged, and only that", () => {
    const o = new Outbox(memory(), "k");
    o.add("a", { text: "x" }, 1);
    expect(o.acked("other")).toBe(false);
    expect(o.acked("a")).toBe(true);
    expect(o.all).toEqual([]);
  });

  it.each([["{broken"], ['{"not":"a list"}'], ["[null, 3]"], [""]])("starts empty from %s", (text) => {
    expect(new Outbox(memory(text), "k").all).toEqual([]);
  });

  it("works where storage is forbidden", () => {
    const o = new Outbox(
      {
        getItem: () => null,
        setItem: () => {
          throw new Error("QuotaExceeded");
        },
      },
      "k",
    );
    o.add("a", { text: "x" }, 1);
    expect(o.take()).toHaveLength(1);
  });
});
