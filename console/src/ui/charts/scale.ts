// Where things stand in a chart. Pure, so that it can be tested without a page.

/** The end of an axis from zero and its marks: round numbers, two to five of them, the last at or above `most`. */
export function ticks(most: number): number[] {
  if (!(most > 0)) return [0, 1];
  const raw = most / 4;
  const unit = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((k) => k * unit).find((s) => s >= raw && (most < 4 || Number.isInteger(s))) ?? raw;
  const count = Math.max(1, Math.ceil(most / step - 1e-9));
  return Array.from({ length: count + 1 }, (_, i) => Number((i * step).toPrecision(12)));
}

export interface Point {
  x: number;
  y: number;
}

/** A line through the points; where one is missing the line is broken, not drawn to zero. */
export function line(points: readonly (Point | undefined)[]): string {
  let d = "";
  let pen = false;
  for (const p of points) {
    if (p) d += `${pen ? "L" : "M"}${p.x.toFixed(1)} ${p.y.toFixed(1)}`;
    pen = p !== undefined;
  }
  return d;
}

/** The area between an upper and a lower line of the same length. */
export function band(high: readonly Point[], low: readonly Point[]): string {
  return high.length === 0 ? "" : `${line(high)}L${line([...low].reverse()).slice(1)}Z`;
}

/** Which labels of `count` fit, each needing `need` of `width`: every n-th, counted from the last, which always shows. */
export function labelled(count: number, width: number, need: number): (i: number) => boolean {
  const every = Math.max(1, Math.ceil((count * need) / Math.max(1, width)));
  return (i) => (count - 1 - i) % every === 0;
}
