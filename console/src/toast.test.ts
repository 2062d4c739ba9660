import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { dismiss, hold, resume, toast, toasts } from "./toast";

describe("toasts", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    for (const t of toasts.value) dismiss(t.id);
    vi.useRealTimers();
  });
  const texts = (): string[] => toasts.value.map((t) => t.text);

  it("go by themselves, what failed later", () => {
    toast("saved");
    toast("failed", { bad: true });
    vi.advanceTimersByTime(4000);
    expect(texts()).toEqual(["failed"]);
    vi.advanceTimersByTime(4000);
    expect(texts()).toEqual([]);
  });

  it("are three at most, and the same is said once", () => {
    for (const t of ["a", "b", "b", "c", "d"]) toast(t);
    expect(texts()).toEqual(["b", "c", "d"]);
  });

  it("stay while somebody points at them", () => {
    toast("a");
    hold(toasts.value[0]!);
    vi.advanceTimersByTime(60_000);
    expect(texts()).toEqual(["a"]);
    resume(toasts.value[0]!);
    vi.advanceTimersByTime(4000);
    expect(texts()).toEqual([]);
  });
});
