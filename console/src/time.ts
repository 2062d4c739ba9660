import { onScopeDispose, ref, type Ref } from "vue";

/** Microseconds on the wire, milliseconds here; date texts are understood too. */
export function millis(at: number | string | undefined): number {
  if (typeof at === "string") return Date.parse(at) || 0;
  return at ? at / 1000 : 0;
}

/** "3 min ago" in the reader's language; the exact time goes into a title beside it. */
export function ago(at: number, now: number, locale: string): string {
  const s = Math.round((at - now) / 1000);
  const f = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "narrow" });
  const abs = Math.abs(s);
  if (abs < 60) return f.format(0, "second");
  if (abs < 3600) return f.format(Math.trunc(s / 60), "minute");
  if (abs < 86400) return f.format(Math.trunc(s / 3600), "hour");
  return f.format(Math.trunc(s / 86400), "day");
}

/** A waiting time as 0:42, 12:05 or 1:02:03, and in days from the second on. */
export function elapsed(ms: number, locale: string): string {
  if (ms >= 48 * 3600_000) return new Intl.NumberFormat(locale, { style: "unit", unit: "day", unitDisplay: "narrow" }).format(Math.floor(ms / 86_400_000));
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number): string => String(n).padStart(2, "0");
  const h = Math.floor(s / 3600);
  const m = Math.floor(s / 60) % 60;
  return h > 0 ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

export function exact(at: number, locale: string): string {
  return new Date(at).toLocaleString(locale, { dateStyle: "medium", timeStyle: "medium" });
}

export function clock(at: number, locale: string): string {
  const today = new Date(at).toDateString() === new Date().toDateString();
  const hm: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit" };
  return new Date(at).toLocaleString(locale, today ? hm : { month: "short", day: "numeric", ...hm });
}

/** The time, moving every `ms` while the component lives. */
export function useNow(ms = 1000): Ref<number> {
  const now = ref(Date.now());
  const id = setInterval(() => (now.value = Date.now()), ms);
  onScopeDispose(() => clearInterval(id));
  return now;
}
