import { useI18n } from "vue-i18n";
import type { Conversation } from "../api";

/** Where a list's row, a title or a notice names the customer: by their name, else by the end of their number. */
export function nameOf(c: Pick<Conversation, "name" | "visitor" | "contact" | "id">, visitor: string): string {
  return c.name || `${visitor} ${(c.visitor || c.contact || c.id).slice(-6)}`;
}

/** Minutes that a customer may wait before the timer turns red. */
export const breachMs = 3 * 60_000;

/** What kinds of sealed values, languages and the reasons of the built-in rules are called in the reader's words. */
export function useWords(): { sealed: (kind: string) => string; language: (code: string) => string; reason: (text: string) => string } {
  const { t, te } = useI18n();
  return {
    sealed: (kind) => (te(`desk.sealed.${kind}`, "zh") ? t(`desk.sealed.${kind}`) : t("desk.sealed.other")),
    reason: (text) => {
      const key = text.replaceAll(" ", "_");
      return te(`desk.reasons.${key}`, "zh") ? t(`desk.reasons.${key}`) : text; // a company's own reason is in its own words
    },
    language: (code) => (te(`desk.language.${code}`, "zh") ? t(`desk.language.${code}`) : code),
  };
}
