// Service hours as they are edited: shifts of each weekday, and days that are different.
import type { Hours } from "./requests";

export const weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export type Weekday = (typeof weekdays)[number];
export interface Shift {
  from: string; // 09:00
  to: string; // 18:00; 24:00 is the end of the day, and what is before `from` is on the next day
}
export interface Special {
  date: string;
  until: string; // the last day, or empty for one day
  names: Record<string, string>;
  shifts: Shift[]; // none: closed
}
export interface Plan {
  week: Record<Weekday, Shift[]>;
  special: Special[];
}

const shiftOf = (span: string): Shift => {
  const [from = "", to = ""] = span.split("-");
  return { from, to };
};
const spanOf = (s: Shift): string => `${s.from}-${s.to}`;

export function planOf(hours: Hours | undefined): Plan {
  const week = Object.fromEntries(weekdays.map((d) => [d, (hours?.week?.[d] ?? []).map(shiftOf)])) as Plan["week"];
  const special = (hours?.special ?? []).map((s) => ({ date: s.date, until: s.until ?? "", names: { ...s.name }, shifts: (s.spans ?? []).map(shiftOf) }));
  return { week, special };
}

export function hoursOf(plan: Plan): Hours {
  const week = Object.fromEntries(weekdays.filter((d) => plan.week[d].length > 0).map((d) => [d, plan.week[d].map(spanOf)]));
  const special = plan.special.map((s) => {
    const name = Object.fromEntries(Object.entries(s.names).filter(([, v]) => v.trim()));
    return { date: s.date, ...(s.until && s.until !== s.date ? { until: s.until } : {}), ...(Object.keys(name).length > 0 ? { name } : {}), ...(s.shifts.length > 0 ? { spans: s.shifts.map(spanOf) } : {}) };
  });
  return { week, ...(special.length > 0 ? { special } : {}) } as Hours;
}

const minutes = (t: string): number => {
  const m = /^(\d{1,2}):(\d{2})$/.exec(t);
  return m ? Number(m[1]) * 60 + Number(m[2]) : NaN;
};

/** What is wrong with the shifts of a day: a time is missing, or two shifts are at the same time. */
export function faultOf(shifts: readonly Shift[]): "" | "missing" | "overlap" {
  const spans = shifts.map((s) => ({ from: minutes(s.from), to: minutes(s.to) }));
  if (spans.some((s) => Number.isNaN(s.from) || Number.isNaN(s.to) || s.from === s.to)) return "missing";
  const sorted = spans.map((s) => ({ from: s.from, to: s.to <= s.from ? s.to + 1440 : s.to })).sort((a, b) => a.from - b.from);
  return sorted.some((s, i) => i > 0 && s.from < sorted[i - 1]!.to) ? "overlap" : "";
}

export function planFaults(plan: Plan): boolean {
  return weekdays.some((d) => faultOf(plan.week[d])) || plan.special.some((s) => !s.date || (s.until !== "" && s.until < s.date) || faultOf(s.shifts) !== "");
}

/** The next shift that makes sense after those there are. */
export function nextShift(shifts: readonly Shift[]): Shift {
  const last = shifts.at(-1);
  const end = last ? minutes(last.to) : NaN;
  if (!last || Number.isNaN(end) || end >= 1440 - 120 || end <= minutes(last.from)) return { from: "09:00", to: "18:00" };
  const write = (m: number): string => `${String(Math.floor(m / 60)).padStart(2, "0")}:${String(m % 60).padStart(2, "0")}`;
  return { from: write(end + 60), to: write(end <= 900 ? 1080 : Math.min(1440, end + 240)) }; // 18:00 where that is still ahead
}
