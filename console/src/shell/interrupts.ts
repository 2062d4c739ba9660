import type { Notice } from "../live";
import type { Notify } from "./preferences";

/** Whether a notice is worth an interruption: not if it was not asked for, never for what somebody is looking at. */
export function interrupts(n: Pick<Notice, "kind" | "conversation">, wanted: Pick<Notify, "waiting" | "mine">, at: { visible: boolean; open: string }): boolean {
  if (at.visible && at.open === n.conversation.id) return false;
  return n.kind === "queued" ? wanted.waiting : n.kind === "message" ? wanted.mine : true;
}
