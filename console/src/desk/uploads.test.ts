import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { isPicture, maxBytes, maxFiles, Uploads } from "./uploads";

let asked: string[];
let answers: (number | "unreachable")[];

beforeEach(() => {
  asked = [];
  answers = [];
  vi.useFakeTimers();
  vi.stubGlobal("fetch", async (url: string) => {
    asked.push(url);
    const answer = answers.shift() ?? 201;
    if (answer === "unreachable") throw new TypeError("network");
    const body = answer === 201 ? { id: `a${asked.length}`, sha256: "", size: 3, type: "text/plain", name: "a.txt" } : { error: { kind: "invalid", message: "No." } };
    return new Response(JSON.stringify(body), { status: answer });
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const file = (name = "a.txt", size = 3): File => new File([new Uint8Array(size)], name, { type: "text/plain" });

describe("uploads", () => {
  it("go on through a server that restarts, and are handed over once", async () => {
    const u = new Uploads();
    answers = ["unreachable", 503];
    u.add([file()]);
    expect(u.busy.value).toBe(true);
    await vi.advanceTimersByTimeAsync(500 + 1000);
    expect(asked).toHaveLength(3);
    expect(u.busy.value).toBe(false);
    expect(u.take().map((a) => a.id)).toEqual(["a3"]);
    expect(u.take()).toEqual([]);
  });

  it("say what the server refused, and do not hold up the rest", async () => {
    const u = new Uploads();
    answers = [422];
    u.add([file("bad"), file("good")]);
    await vi.advanceTimersByTimeAsync(0);
    expect(u.all.value.map((x) => Boolean(x.failed))).toEqual([true, false]);
    expect(u.ready.value).toHaveLength(1);
  });

  it("refuse what is too large, empty or too many, and take what fits", () => {
    const u = new Uploads();
    expect(u.add([file("big", maxBytes + 1), file("ok")])).toBe("too_large");
    expect(u.add([file("nothing", 0)])).toBe("empty");
    expect(u.add(Array.from({ length: maxFiles }, () => file()))).toBe("too_many");
    expect(u.all.value).toHaveLength(maxFiles);
  });

  it("end when they are taken off, and come back with a reply that was refused", async () => {
    const u = new Uploads();
    answers = ["unreachable"];
    u.add([file()]);
    await vi.advanceTimersByTimeAsync(0);
    u.remove(u.all.value[0]!.key);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toHaveLength(1);
    u.restore([{ id: "x", sha256: "", size: 1, type: "image/png", name: "p.png" }]);
    expect(u.take().map((a) => a.id)).toEqual(["x"]);
  });

  it.each([["image/png", true], ["image/svg+xml", false], ["text/html", false], ["image/pngx", false]])("%s is shown in place: %s", (type, is) => expect(isPicture(type)).toBe(is));
});
