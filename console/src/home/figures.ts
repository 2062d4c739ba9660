// What the home page counts, and how each count is opened.
import type { HomeDay } from "../api";
import { startOf } from "../studio/zone";

export type Figure = "opened" | "answered" | "clarified" | "handed_over" | "not_known";
export type Ending = "confirmed" | "assumed" | "left" | "ended_handed_over" | "ended_not_known";

/** How closed conversations ended, each apart: they are never added up to one rate of success. */
export const endings: readonly { key: Exclude<keyof HomeDay["ended"], "closed">; figure: Ending }[] = [
  { key: "confirmed", figure: "confirmed" },
  { key: "assumed", figure: "assumed" },
  { key: "left", figure: "left" },
  { key: "handed_over", figure: "ended_handed_over" },
  { key: "not_known", figure: "ended_not_known" },
];

export type Read = (d: HomeDay) => number;

export const values = (days: readonly HomeDay[], read: Read): number[] => days.map(read);
export const sum = (days: readonly HomeDay[], read: Read): number => days.reduce((n, d) => n + read(d), 0);

/** The days from..to, both included, as the API takes a stretch of time: microseconds, its end not included. */
export function span(from: string, to: string, zone: string): { from: string; to: string } {
  const next = new Date(Date.parse(`${to}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
  return { from: String(startOf(from, zone)), to: String(startOf(next, zone)) };
}
