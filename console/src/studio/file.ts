// The file that is on its way in. It stays chosen while one looks at other pages, and is gone with a reload.
import { shallowRef } from "vue";
import type { Columns } from "./requests";

export const fields = ["id", "question", "similar", "negative", "answer", "lang", "category", "valid_from", "valid_to"] as const;
export type Field = (typeof fields)[number];
/** What each column holds, by its place; empty: it is left out. */
export type Plan = (Field | "")[];

export interface Chosen {
  file: File;
  columns: Columns;
  plan: Plan;
  zone: string;
}
export const chosen = shallowRef<Chosen>();

const formats: Record<string, string> = { csv: "csv", tsv: "csv", txt: "csv", xlsx: "xlsx", jsonl: "jsonl", ndjson: "jsonl", json: "jsonl" };
export const accept = Object.keys(formats).map((e) => `.${e}`).join(",");
export const formatOf = (name: string): string => formats[name.split(".").pop()?.toLowerCase() ?? ""] ?? "";
const manyOf: readonly Field[] = ["similar", "negative"];

export function guessed(columns: Columns): Plan {
  return columns.columns.map((c) => fields.find((f) => f === c.guess) ?? "");
}

/** Why a plan cannot be imported: a field that is needed has no column, or one that stands once has two. */
export function faultOf(plan: Plan): { missing: Field[]; twice: Field[] } {
  return {
    missing: (["question", "answer"] as const).filter((f) => !plan.includes(f)),
    twice: fields.filter((f) => !manyOf.includes(f) && plan.filter((p) => p === f).length > 1),
  };
}

/** The plan as the API has it. Lines of JSON name their fields themselves. */
export function mappingOf(columns: Columns, plan: Plan): Record<string, string | string[]> {
  if (columns.format === "jsonl") return {};
  const out: Record<string, string | string[]> = {};
  for (const f of fields) {
    const names = columns.columns.filter((_, i) => plan[i] === f).map((c) => c.name);
    if (names.length > 0) out[f] = names.length === 1 ? names[0]! : names;
  }
  return out;
}
