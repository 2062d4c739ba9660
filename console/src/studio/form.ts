// An entry between the server's form and the page's.
import type { Entry, EntryInput } from "../api";
import type { Draft } from "./merge";
import { fromLocal, toLocal } from "./zone";

export function draftOf(e: Entry, zone: string): Draft {
  return { question: e.question, similar: [...e.similar], negative: [...e.negative], answer: e.answer, lang: e.lang, category: e.category, validFrom: toLocal(e.valid_from, zone), validTo: toLocal(e.valid_to, zone) };
}

/** The draft as it is sent. `before` gives back times that were not touched, with the seconds that a date field cannot show. */
export function inputOf(d: Draft, zone: string, before?: Pick<Entry, "valid_from" | "valid_to">): EntryInput {
  const time = (local: string, was: string | undefined): string | undefined => (local === toLocal(was, zone) ? was : fromLocal(local, zone)) || undefined;
  const words = (list: readonly string[]): string[] => list.map((w) => w.trim()).filter(Boolean);
  return {
    question: d.question.trim(),
    similar: words(d.similar),
    negative: words(d.negative),
    answer: d.answer.trim(),
    lang: d.lang,
    category: d.category.trim(),
    valid_from: time(d.validFrom, before?.valid_from),
    valid_to: time(d.validTo, before?.valid_to),
  };
}

/** The id that an entry has in every language: returns-en and returns are two languages of one answer. */
export function stem(id: string, lang: string): string {
  return lang && id.endsWith(`-${lang}`) ? id.slice(0, -lang.length - 1) : id;
}

/** The ids under which an entry may stand in another language, the likelier first. */
export function siblings(id: string, lang: string, other: string): string[] {
  const s = stem(id, lang);
  return [`${s}-${other}`, s].filter((x) => x !== id);
}
