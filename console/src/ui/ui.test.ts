import { describe, expect, it } from "vitest";
import { keyCaps, pressed } from "../keys";
import { band, labelled, line, ticks } from "./charts/scale";
import { initials, toneOf } from "./names";
import { nextSort, readSort, sorted, sortParam, type Column } from "./table-model";
import { visible } from "./window";

describe("axis", () => {
  it.each([
    [0, [0, 1]],
    [1, [0, 0.25, 0.5, 0.75, 1]],
    [7, [0, 2, 4, 6, 8]],
    [36, [0, 10, 20, 30, 40]],
    [100, [0, 25, 50, 75, 100]],
    [4001, [0, 2000, 4000, 6000]],
  ])("up to %d has round marks that cover it", (most, marks) => expect(ticks(most)).toEqual(marks));

  it("breaks a line where nothing was measured", () => expect(line([{ x: 0, y: 1 }, undefined, { x: 2, y: 3 }, { x: 4, y: 5 }])).toBe("M0.0 1.0M2.0 3.0L4.0 5.0"));
  it("closes a band", () => expect(band([{ x: 0, y: 0 }, { x: 1, y: 0 }], [{ x: 0, y: 9 }, { x: 1, y: 9 }])).toBe("M0.0 0.0L1.0 0.0L1.0 9.0L0.0 9.0Z"));
  it("always names the newest, and only as many as fit", () => {
    const show = labelled(30, 300, 50);
    expect(show(29)).toBe(true);
    expect(Array.from({ length: 30 }, (_, i) => i).filter(show).length).toBeLessThanOrEqual(6);
  });
});

describe("names", () => {
  it.each([
    ["Rowan Spruce", "RS"],
    ["云若杉", "若杉"],
    ["欧阳若杉木", "欧"],
    ["  émile ", "É"],
    ["محمد علي", "مع"],
    ["👋🏽", ""],
    ["", ""],
  ])("%s is shown as %s", (name, letters) => expect(initials(name)).toBe(letters));
  it("keeps a name's tone", () => expect(toneOf("a")).toBe(toneOf("a")));
});

describe("table", () => {
  interface Row {
    name: string;
    n?: number;
  }
  const columns: Column<Row>[] = [
    { key: "name", label: "", value: (r) => r.name },
    { key: "n", label: "", value: (r) => r.n },
  ];
  const rows: Row[] = [{ name: "b10", n: 2 }, { name: "b9" }, { name: "a", n: 10 }];
  const names = (sort: Parameters<typeof sorted<Row>>[2]): string[] => sorted(rows, columns, sort, "en").map((r) => r.name);

  it("sorts numbers inside words as numbers", () => expect(names({ key: "name", down: false })).toEqual(["a", "b9", "b10"]));
  it("puts what has no value last, whichever way", () => {
    expect(names({ key: "n", down: false })).toEqual(["b10", "a", "b9"]);
    expect(names({ key: "n", down: true })).toEqual(["a", "b10", "b9"]);
  });
  it("goes one way, the other, and back to how it came", () => {
    const one = nextSort(undefined, "n", true);
    const two = nextSort(one, "n", true);
    expect([one, two, nextSort(two, "n", true)]).toEqual([{ key: "n", down: true }, { key: "n", down: false }, undefined]);
  });
  it("lives in the address, and refuses columns that are not there", () => {
    expect(readSort({ sort: sortParam({ key: "n", down: true }) ?? null }, columns as never)).toEqual({ key: "n", down: true });
    expect(readSort({ sort: "-password" }, columns as never)).toBeUndefined();
  });
});

describe("long list", () => {
  it.each([
    [0, 600, 60, 20_000, { from: 0, to: 16 }],
    [60_000, 600, 60, 20_000, { from: 994, to: 1016 }],
    [1_199_400, 600, 60, 20_000, { from: 19_984, to: 20_000 }],
    [5_000, 600, 60, 3, { from: 0, to: 3 }], // it became shorter while scrolled down
    [-80, 600, 60, 3, { from: 0, to: 3 }], // pulled beyond its top
    [0, 600, 60, 0, { from: 0, to: 0 }],
  ])("at %d shows what is near", (top, height, row, count, range) => expect(visible(top, height, row, count, 6)).toEqual(range));
});

describe("keys", () => {
  const event = { key: "k", ctrlKey: false, metaKey: false, altKey: false, shiftKey: false };
  it.each([
    [{ ...event, ctrlKey: true }, "mod+k"],
    [{ ...event, metaKey: true }, "mod+k"],
    [{ ...event, key: "?", shiftKey: true }, "?"],
    [{ ...event, key: "G", shiftKey: true }, "shift+g"],
    [{ ...event, key: "Enter", shiftKey: true }, "shift+enter"],
    [{ ...event, key: " " }, "space"],
  ])("%o is %s", (e, name) => expect(pressed(e)).toBe(name));
  it("are written as on the keyboard", () => expect(keyCaps("g h")).toEqual([["G"], ["H"]]));
});
