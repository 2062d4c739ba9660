// What the list of entries shows, as its address says it.
import type { LocationQuery, LocationQueryRaw } from "vue-router";
import type { Entry } from "../api";
import type { EntryFilter } from "./requests";

const validities = ["now", "later", "over", "dated"] as const;

export function filterOf(query: LocationQuery): EntryFilter {
  const one = (k: string): string | undefined => (typeof query[k] === "string" && query[k] !== "" ? query[k].slice(0, 200) : undefined);
  return {
    q: one("q"),
    category: one("category"),
    lang: one("lang"),
    validity: validities.find((v) => v === query.validity),
    unused: query.unused === "1" || undefined,
    archived: query.archived === "1" || undefined,
  };
}

export function toQuery(f: EntryFilter): LocationQueryRaw {
  return { q: f.q || undefined, category: f.category || undefined, lang: f.lang || undefined, validity: f.validity, unused: f.unused ? "1" : undefined, archived: f.archived ? "1" : undefined };
}

/** How an entry stands to its dates. */
export function validityOf(e: Pick<Entry, "valid_from" | "valid_to">, now = Date.now()): "always" | "now" | "later" | "over" {
  if (e.valid_to && Date.parse(e.valid_to) <= now) return "over";
  if (e.valid_from && Date.parse(e.valid_from) > now) return "later";
  return e.valid_from || e.valid_to ? "now" : "always";
}
