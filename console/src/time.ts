import { onScopeDispose, reactive, ref, type Ref } from "vue";

/** Whose dates and numbers are shown: the region decides the order of day and month, the zone the hour. i18n.ts keeps it. */
export const reader = reactive({ locale: "en-GB", zone: "UTC" });

/** The first of the browser's languages that is a region of `language`, so that en-GB is not shown American dates. */
export function regionOf(language: "zh" | "en", wanted: readonly string[]): string {
  return wanted.find((l) => l.toLowerCase().startsWith(`${language}-`)) ?? (language === "zh" ? "zh-CN" : "en-GB");
}

/** `zone` if this browser knows it, else `otherwise`. */
export function zoneOr(zone: string, otherwise: string): string {
  try {
    return zone === "auto" ? otherwise : new Intl.DateTimeFormat("en", { timeZone: zone }).resolvedOptions().timeZone;
  } catch {
    return otherwise;
  }
}

/** Microseconds on the wire, milliseconds here; date texts are understood too. */
export function millis(at: number | string | undefined): number {
  if (typeof at === "string") return Date.parse(at) || 0;
  return at ? at / 1000 : 0;
}

/** "3 min ago" in the reader's language; the exact time goes into a title beside it. */
export function ago(at: number, now: number): string {
  const s = Math.round((at - now) / 1000);
  const f = new Intl.RelativeTimeFormat(reader.locale, { numeric: "auto", style: "narrow" });
  const abs = Math.abs(s);
  if (abs < 60) return f.format(0, "second");
  if (abs < 3600) return f.format(Math.trunc(s / 60), "minute");
  if (abs < 86400) return f.format(Math.trunc(s / 3600), "hour");
  return f.format(Math.trunc(s / 86400), "day");
}

/** A waiting time as 0:42, 12:05 or 1:02:03, and in days from the second on. */
export function elapsed(ms: number): string {
  if (ms >= 48 * 3600_000) return new Intl.NumberFormat(reader.locale, { style: "unit", unit: "day", unitDisplay: "narrow" }).format(Math.floor(ms / 86_400_000));
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number): string => String(n).padStart(2, "0");
  const h = Math.floor(s / 3600);
  const m = Math.floor(s / 60) % 60;
  return h > 0 ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

function show(at: number, options: Intl.DateTimeFormatOptions): string {
  return new Intl.DateTimeFormat(reader.locale, { timeZone: reader.zone, ...options }).format(at);
}

/** Date and time to the second, in the reader's zone. */
export function exact(at: number): string {
  return show(at, { dateStyle: "medium", timeStyle: "medium" });
}

/** A day, as 22 Nov 2026. */
export function day(at: number): string {
  return show(at, { dateStyle: "medium" });
}

/** The hour today, with the day before it on any other. */
export function clock(at: number, now = Date.now()): string {
  const hm: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const date: Intl.DateTimeFormatOptions = { year: "numeric", month: "numeric", day: "numeric" };
  return show(at, show(at, date) === show(now, date) ? hm : { month: "short", day: "numeric", ...hm });
}

/** A count in the reader's digits and separators; `short` writes 12,300 as 12.3K or 1.2万. */
export function number(n: number, short = false): string {
  return new Intl.NumberFormat(reader.locale, short ? { notation: "compact", maximumFractionDigits: 1 } : {}).format(n);
}

/** 0..1 as a percentage. */
export function percent(share: number, digits = 0): string {
  return new Intl.NumberFormat(reader.locale, { style: "percent", maximumFractionDigits: digits }).format(share);
}

const clocks = new Map<number, { now: Ref<number>; users: number; timer: ReturnType<typeof setInterval> }>();

/** The time, moving every `ms` while the component lives. All that move as fast share one clock. */
export function useNow(ms = 1000): Readonly<Ref<number>> {
  let clock = clocks.get(ms);
  if (!clock) {
    const now = ref(Date.now());
    clock = { now, users: 0, timer: setInterval(() => (now.value = Date.now()), ms) };
    clocks.set(ms, clock);
  }
  const mine = clock;
  mine.users++;
  onScopeDispose(() => {
    if (--mine.users > 0) return;
    clearInterval(mine.timer);
    clocks.delete(ms);
  });
  return mine.now;
}
