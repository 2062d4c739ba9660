/** A stretch of a message: words, or a sealed value that stands there as a token. */
export type Piece = { text: string } | { token: string; kind: string; number: number };

const token = /<([a-z_]{1,20}):(\d{1,9})>/g;

/** Cuts a text at its sealed values. Everything else is text, whatever it looks like. */
export function pieces(text: string): Piece[] {
  const out: Piece[] = [];
  let from = 0;
  for (const m of text.matchAll(token)) {
    if (m.index > from) out.push({ text: text.slice(from, m.index) });
    out.push({ token: m[0], kind: m[1] ?? "", number: Number(m[2]) });
    from = m.index + m[0].length;
  }
  if (from < text.length || out.length === 0) out.push({ text: text.slice(from) });
  return out;
}

/** A text for where nothing can be pressed: sealed values by the name of their kind. */
export function plain(text: string, name: (kind: string) => string): string {
  return pieces(text)
    .map((p) => ("text" in p ? p.text : `[${name(p.kind)}]`))
    .join("");
}
