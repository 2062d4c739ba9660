// Times of a site are written and read in the site's own zone, whatever zone the reader sits in.

/** How far the zone is ahead of UTC at a moment, in milliseconds. */
function offset(ms: number, zone: string): number {
  const parts = new Intl.DateTimeFormat("en", { timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" }).formatToParts(ms);
  const at = (type: Intl.DateTimeFormatPartTypes): number => Number(parts.find((p) => p.type === type)?.value ?? 0);
  return Date.UTC(at("year"), at("month") - 1, at("day"), at("hour"), at("minute"), at("second")) - Math.floor(ms / 1000) * 1000;
}

/** 2026-01-31T01:00:00Z as "2026-01-31T09:00" in Shanghai, for a date field; empty for none. */
export function toLocal(iso: string | undefined, zone: string): string {
  const ms = Date.parse(iso ?? "");
  return Number.isNaN(ms) ? "" : new Date(ms + offset(ms, zone)).toISOString().slice(0, 16);
}

/** The moment that clocks in the zone show as `local`. In the hour that is skipped in spring it is the one after the change. */
export function fromLocal(local: string, zone: string): string {
  const wall = Date.parse(`${local}Z`);
  if (Number.isNaN(wall)) return "";
  const first = wall - offset(wall, zone);
  const second = wall - offset(first, zone);
  // Two guesses that disagree stand on both sides of a change of clocks; the later one is never before it.
  const ms = offset(second, zone) === wall - second ? second : Math.max(first, second);
  return new Date(ms).toISOString().replace(".000Z", "Z");
}

/** The date that it is in the zone, as 2026-01-31. */
export function dateIn(ms: number, zone: string): string {
  return new Date(ms + offset(ms, zone)).toISOString().slice(0, 10);
}

/** Midnight at the beginning of a date in the zone, in microseconds as the API has times. */
export function startOf(date: string, zone: string): number {
  return Date.parse(fromLocal(`${date}T00:00`, zone)) * 1000;
}
