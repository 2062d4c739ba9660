import { beforeEach, describe, expect, it } from "vitest";
import { Refusal } from "./connection";
import { Outbox } from "./outbox";
import type { Attachment } from "./protocol";
import { Uploads } from "./uploads";

const picture = (id: string): Attachment => ({ id, type: "image/png", size: 3 });
const file = new File(["png"], "a.png", { type: "image/png" });

let box: Outbox, uploads: Uploads, shelf: Map<string, Blob>, timers: { ms: number; run: () => void }[];
let answers: ((a: Attachment) => void)[], fail: ((err: unknown) => void)[], signals: AbortSignal[];
let reachable: boolean, sent: number, expired: number;

function make(): Uploads {
  return new Uploads(
    {
      upload: (_name, _file, progress, gone) => {
        signals.push(gone);
        progress(0.5);
        return new Promise((done, no) => {
          answers.push(done);
          fail.push(no);
        });
      },
    },
    box,
    { put: async (id, f) => void shelf.set(id, f), get: async (id) => shelf.get(id), drop: async (id) => void shelf.delete(id) },
    { timer: (ms, run) => (timers.push({ ms, run }), () => (timers = timers.filter((t) => t.run !== run))), random: () => 1, now: () => 0 },
    { ready: () => reachable, changed: () => undefined, uploaded: () => sent++, expired: () => expired++ },
  );
}

const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

beforeEach(() => {
  const kept = new Map<string, string>();
  box = new Outbox({ getItem: (k) => kept.get(k) ?? null, setItem: (k, v) => void kept.set(k, v) }, "k");
  shelf = new Map();
  timers = [];
  answers = [];
  fail = [];
  signals = [];
  reachable = true;
  sent = expired = 0;
  uploads = make();
});

describe("uploads", () => {
  it("make a message of a file, shown from here", async () => {
    uploads.add("a", file, 1);
    await settle();
    expect(uploads.progress("a")).toBe(0.5);
    expect(box.take()).toEqual([]); // not before it is there
    answers[0]?.(picture("p1"));
    await settle();
    expect(sent).toBe(1);
    expect(box.take()[0]?.parts).toEqual([{ kind: "image", attachment: picture("p1") }]);
    expect(uploads.file(undefined, "p1")).toBe(file);
    expect(shelf.size).toBe(0);
  });

  it("show only what the server found to be a picture", async () => {
    uploads.add("a", file, 1);
    await settle();
    answers[0]?.({ ...picture("p1"), type: "application/octet-stream" });
    await settle();
    expect(box.take()[0]?.parts?.[0]?.kind).toBe("file");
  });

  it("wait for a way to the server", async () => {
    reachable = false;
    uploads.add("a", file, 1);
    await settle();
    expect(answers).toHaveLength(0);
    reachable = true;
    uploads.start();
    uploads.start(); // each once
    await settle();
    expect(answers).toHaveLength(1);
  });

  it("try again for as long as the network is gone", async () => {
    uploads.add("a", file, 1);
    for (let i = 0; i < 12; i++) {
      await settle();
      fail[i]?.(new TypeError("network"));
      await settle();
      expect(box.all[0]?.state).toBe("uploading");
      expect(timers).toHaveLength(1);
      timers.splice(0)[0]?.run();
    }
    await settle();
    answers[12]?.(picture("p"));
    await settle();
    expect(sent).toBe(1);
  });

  it.each([
    [new Refusal(413, "invalid", ""), "fileSize"],
    [new Refusal(400, "invalid", "is not a picture"), "fileRefused"],
  ])("fail for good when the server refuses: %s", async (err, reason) => {
    uploads.add("a", file, 1);
    await settle();
    fail[0]?.(err);
    await settle();
    expect(box.all[0]).toMatchObject({ state: "failed", reason });
    expect(timers).toHaveLength(0);
  });

  it("leave it to the customer when the server stays in trouble, and wait as long as it asks", async () => {
    uploads.add("a", file, 1);
    for (let i = 0; i < 6; i++) {
      await settle();
      fail[i]?.(new Refusal(503, "unavailable", "", 60_000));
      await settle();
      if (i < 5) expect(timers[0]?.ms).toBe(60_000);
      timers.splice(0)[0]?.run();
    }
    expect(box.all[0]).toMatchObject({ state: "failed", reason: "fileFailed" });
    box.retry("a");
    uploads.start();
    await settle();
    expect(answers).toHaveLength(7);
  });

  it("go up again under a new session", async () => {
    uploads.add("a", file, 1);
    await settle();
    fail[0]?.(new Refusal(401, "denied", ""));
    await settle();
    expect(expired).toBe(1);
    uploads.start();
    await settle();
    answers[1]?.(picture("p"));
    await settle();
    expect(sent).toBe(1);
  });

  it("can be cancelled, and come to nothing then", async () => {
    uploads.add("a", file, 1);
    await settle();
    uploads.cancel("a");
    expect(signals[0]?.aborted).toBe(true);
    answers[0]?.(picture("p"));
    await settle();
    expect([box.all.length, sent, shelf.size]).toEqual([0, 0, 0]);
  });

  it("survive a reload of the page", async () => {
    uploads.add("a", file, 1);
    await settle();
    uploads = make(); // the files of before are only on the shelf
    uploads.start();
    await settle();
    answers[1]?.(picture("p"));
    await settle();
    expect(sent).toBe(1);
    shelf.clear();
    box.addFile("b", file, 2);
    uploads.start();
    await settle();
    expect(box.find("b")).toMatchObject({ state: "failed", reason: "fileLost" });
  });
});
