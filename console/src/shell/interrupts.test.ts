import { describe, expect, it } from "vitest";
import type { Conversation } from "../api";
import type { Notice } from "../live";
import { interrupts } from "./interrupts";

const notice = (kind: Notice["kind"]): Pick<Notice, "kind" | "conversation"> => ({ kind, conversation: { id: "c" } as Conversation });
const all = { waiting: true, mine: true };
const none = { waiting: false, mine: false };

describe("a notice interrupts", () => {
  it.each([
    ["queued", all, { visible: true, open: "other" }, true],
    ["queued", none, { visible: false, open: "" }, false],
    ["message", all, { visible: true, open: "c" }, false],
    ["message", all, { visible: false, open: "c" }, true],
    ["message", none, { visible: false, open: "" }, false],
    ["assigned", none, { visible: true, open: "" }, true],
    ["taken", none, { visible: true, open: "c" }, false],
  ] as const)("%s, wanted %o, at %o: %s", (kind, wanted, at, yes) => expect(interrupts(notice(kind), wanted, at)).toBe(yes));
});
