/** Which of `count` rows of one height stand in a window scrolled to `top`, with `spare` more on either side. */
export function visible(top: number, height: number, row: number, count: number, spare: number): { from: number; to: number } {
  const from = Math.max(0, Math.min(count, Math.floor(Math.max(0, top) / row)) - spare);
  const to = Math.min(count, Math.ceil((Math.max(0, top) + height) / row) + spare);
  return { from: Math.min(from, to), to };
}
