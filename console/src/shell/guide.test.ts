import { describe, expect, it } from "vitest";
import { originOf } from "./guide";

describe("a site's address", () => {
  it.each([
    ["www.example.com", "https://www.example.com"],
    ["http://localhost:3000/shop?x=1", "http://localhost:3000"],
    ["https://商店.example/路径", "https://xn--czrs0t.example"],
    ["ftp://example.com", ""],
    ["javascript:alert(1)", ""],
    ["shop", ""],
    ["", ""],
  ])("%j is %j", (typed, origin) => expect(originOf(typed)).toBe(origin));
});
