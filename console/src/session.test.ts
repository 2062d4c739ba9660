import { describe, expect, it } from "vitest";
import { innerPath } from "./session";

describe("after signing in", () => {
  it.each([
    ["/desk/mine?x=1#m2", "/desk/mine?x=1#m2"],
    ["//evil.example", "/"],
    ["/\\evil.example", "/"],
    ["https://evil.example", "/"],
    ["javascript:alert(1)", "/"],
    [undefined, "/"],
    [["/a"], "/"],
  ])("%j leads to %s", (next, path) => expect(innerPath(next)).toBe(path));
});
