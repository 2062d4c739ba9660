import type { Conversation } from "../api";

/** Where a list's row, a title or a notice names the customer: by their name, else by the end of their number. */
export function nameOf(c: Pick<Conversation, "name" | "visitor" | "contact" | "id">, visitor: string): string {
  return c.name || `${visitor} ${(c.visitor || c.contact || c.id).slice(-6)}`;
}

/** Minutes that a customer may wait before the timer turns red. */
export const breachMs = 3 * 60_000;
