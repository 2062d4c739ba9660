import { describe, expect, it } from "vitest";
import { pieces, plain } from "./words";

describe("pieces", () => {
  it("finds sealed values between words", () =>
    expect(pieces("电话<phone:1>，再打<phone:12>")).toEqual([{ text: "电话" }, { token: "<phone:1>", kind: "phone", number: 1 }, { text: "，再打" }, { token: "<phone:12>", kind: "phone", number: 12 }]));
  it.each(["<script:alert(1)>", "<img src=x onerror=alert(1)>", "<PHONE:1>", "< phone:1 >", ""])("leaves %j as it is", (text) => expect(pieces(text)).toEqual([{ text }]));
  it("are named where nothing can be pressed", () => expect(plain("电话<phone:1>。<img>", () => "手机号")).toBe("电话[手机号]。<img>"));
});
