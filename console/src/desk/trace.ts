/** What a stored trace says (dialogue.Trace). It is kept for years: what is missing in an old one is simply not shown. */
export interface TraceBody {
  input?: string; // burst, result, timer, hand_back
  language?: string;
  release?: number;
  steps?: TraceStep[];
  rules?: string[];
  result?: { name?: string; ok?: boolean; output?: unknown };
  micros?: { waited?: number; decided?: number };
}

export interface TraceStep {
  seqs?: number[];
  text?: string;
  kind?: string;
  rule?: string;
  threshold?: number;
  ask_threshold?: number;
  candidates?: TraceCandidate[];
}

export interface TraceCandidate {
  id: string;
  question: string;
  wording?: string;
  score: number;
  vetoed?: boolean;
  features?: Record<string, number>;
}

const isObject = (v: unknown): v is Record<string, unknown> => typeof v === "object" && v !== null && !Array.isArray(v);

/** Reads a trace's body; what is not of the expected shape is left out rather than believed. */
export function readTrace(body: unknown): TraceBody {
  if (!isObject(body)) return {};
  const out: TraceBody = {};
  if (typeof body.input === "string") out.input = body.input;
  if (typeof body.language === "string") out.language = body.language;
  if (typeof body.release === "number") out.release = body.release;
  if (Array.isArray(body.steps)) out.steps = body.steps.filter(isObject).map(readStep);
  if (Array.isArray(body.rules)) out.rules = body.rules.filter((r): r is string => typeof r === "string");
  if (isObject(body.result)) out.result = { name: String(body.result.name ?? ""), ok: body.result.ok === true, output: body.result.output };
  if (isObject(body.micros)) out.micros = { waited: numberOf(body.micros.waited), decided: numberOf(body.micros.decided) };
  return out;
}

function readStep(s: Record<string, unknown>): TraceStep {
  const candidates = Array.isArray(s.candidates) ? s.candidates.filter(isObject) : [];
  return {
    text: typeof s.text === "string" ? s.text : "",
    kind: typeof s.kind === "string" ? s.kind : undefined,
    rule: typeof s.rule === "string" ? s.rule : undefined,
    threshold: numberOf(s.threshold),
    ask_threshold: numberOf(s.ask_threshold),
    seqs: Array.isArray(s.seqs) ? s.seqs.filter((n): n is number => typeof n === "number") : [],
    candidates: candidates.map((c) => ({
      id: String(c.id ?? ""),
      question: String(c.question ?? ""),
      wording: typeof c.wording === "string" ? c.wording : undefined,
      score: Math.min(1, Math.max(0, numberOf(c.score) ?? 0)),
      vetoed: c.vetoed === true,
      features: isObject(c.features) ? Object.fromEntries(Object.entries(c.features).flatMap(([k, v]) => (typeof v === "number" ? [[k, v]] : []))) : undefined,
    })),
  };
}

const numberOf = (v: unknown): number | undefined => (typeof v === "number" && Number.isFinite(v) ? v : undefined);

/** A span of time for people: 107 µs is "0.1 ms", 658000 µs is "658 ms", 2.4 s is "2.4 s". */
export function span(micros: number): string {
  if (micros >= 1_000_000) return `${(micros / 1_000_000).toFixed(1)} s`;
  if (micros >= 10_000) return `${Math.round(micros / 1000)} ms`;
  return micros > 0 && micros < 50 ? "< 0.1 ms" : `${(micros / 1000).toFixed(1)} ms`;
}

/** The questions in traces that the bot did not know. */
export function missedIn(bodies: readonly TraceBody[]): string[] {
  return bodies.flatMap((b) => b.steps ?? []).flatMap((s) => (s.kind === "abstain" && s.text ? [s.text] : []));
}
