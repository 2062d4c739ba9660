// Edits that are not saved yet, kept in this browser under who writes them: a reload, a crash or another sign-in loses none.
import type { Draft } from "./merge";

export interface Kept {
  draft: Draft;
  base: Draft; // the entry as it was when the edit began
  version: number; // and its number; 0 for a new one
  at: number; // milliseconds
}

const days = 30;
const prefix = "entry-draft:";
const key = (person: string, entry: string): string => `${prefix}${person}:${entry || "new"}`;

export function keep(person: string, entry: string, kept: Kept): void {
  try {
    localStorage.setItem(key(person, entry), JSON.stringify(kept));
  } catch {
    // No room: the page still has it.
  }
}

export function forget(person: string, entry: string): void {
  localStorage.removeItem(key(person, entry));
}

/** What was kept and is not older than a month; older ones of anybody are removed on the way. */
export function recall(person: string, entry: string, now = Date.now()): Kept | undefined {
  for (const k of Object.keys(localStorage)) {
    if (!k.startsWith(prefix)) continue;
    const kept = read(k);
    if (!kept || now - kept.at > days * 86_400_000) localStorage.removeItem(k);
  }
  return read(key(person, entry));
}

function read(k: string): Kept | undefined {
  try {
    const v = JSON.parse(localStorage.getItem(k) ?? "null") as Kept | null;
    return v && typeof v.at === "number" && Array.isArray(v.draft.similar) && Array.isArray(v.base.similar) ? v : undefined;
  } catch {
    return undefined;
  }
}
