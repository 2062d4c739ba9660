import type { Message } from "../api";

const minute = 60_000_000;

/** One line of a conversation as it is drawn. */
export type Item =
  | { kind: "day"; key: string; at: number }
  | { kind: "episode"; key: string; number: number; at: number; count: number; open: boolean }
  | { kind: "bot"; key: string; count: number; open: boolean }
  | { kind: "message"; key: string; message: Message; first: boolean };

export interface Folding {
  /** Earlier visits that are open; the newest one always is. */
  episodes: ReadonlySet<number>;
  /** Whether the bot's part, before a person came, is open. */
  bot: boolean;
  /** Whether a person has the conversation or is waited for: only then is the bot's part folded at all. */
  person: boolean;
  /** The name of the day a moment belongs to, in the reader's zone. */
  day: (at: number) => string;
}

const keepOfBot = 3; // its last words stay: they are what the customer answers to
const worthFolding = 3;

/**
 * Puts a conversation's messages into lines: earlier visits folded to a line each, the bot's part of this one folded
 * behind its end, a line where a day begins, and a name only where the speaker changes or some minutes passed.
 */
export function layout(messages: readonly Message[], f: Folding): Item[] {
  const out: Item[] = [];
  const newest = messages.at(-1)?.episode ?? 0;
  let day = "";
  const put = (m: Message): void => {
    const d = f.day(m.at);
    if (d !== day) out.push({ kind: "day", key: `d${m.seq}`, at: m.at });
    day = d;
    const before = out.at(-1);
    const same = before?.kind === "message" && before.message.from === m.from && before.message.author_id === m.author_id && m.at - before.message.at <= 5 * minute;
    out.push({ kind: "message", key: `m${m.seq}`, message: m, first: !same });
  };

  for (const part of episodes(messages)) {
    const number = part[0]?.episode ?? 0;
    const earlier = number !== newest;
    if (earlier) {
      const open = f.episodes.has(number);
      out.push({ kind: "episode", key: `e${number}`, number, at: part[0]?.at ?? 0, count: part.length, open });
      if (!open) continue;
    }
    day = ""; // each visit says its day anew
    const hidden = earlier || !f.person ? 0 : botPart(part);
    if (hidden > 0) {
      out.push({ kind: "bot", key: `b${number}`, count: hidden, open: f.bot });
      if (f.bot) part.slice(0, hidden).forEach(put);
      else day = part[hidden - 1] ? f.day(part[hidden - 1]!.at) : "";
    }
    part.slice(hidden).forEach(put);
  }
  return out;
}

function* episodes(messages: readonly Message[]): Generator<readonly Message[]> {
  let from = 0;
  for (let i = 1; i <= messages.length; i++) {
    if (i < messages.length && (messages[i]?.episode ?? 0) === (messages[from]?.episode ?? 0)) continue;
    yield messages.slice(from, i);
    from = i;
  }
}

/** How many messages of a visit can be folded: those of customer and bot before a person wrote, but for the last ones. */
function botPart(part: readonly Message[]): number {
  const person = part.findIndex((m) => m.from === "agent" || m.from === "note" || m.from === "system");
  const end = person < 0 ? part.length : person;
  let hidden = end - keepOfBot;
  // What stays begins with what the customer said, whole bursts of it.
  while (hidden > 0 && (part[hidden]?.from !== "customer" || part[hidden - 1]?.from === "customer")) hidden--;
  return hidden >= worthFolding ? hidden : 0;
}

/** What happened before a person came, in a few lines. */
export interface Summary {
  asked: string[]; // what the customer wanted, newest last
  answered: { id: string; title: string; solved: number }[];
  missed: string[];
  messages: number;
}

const most = 3;

/** Sums up the newest visit's part with the bot; undefined when the bot had none. `missed` are texts the bot did not know, from its traces. */
export function summary(messages: readonly Message[], missed: readonly string[], wishes: (text: string) => boolean): Summary | undefined {
  const newest = messages.at(-1)?.episode;
  const part = messages.filter((m) => m.episode === newest);
  const person = part.findIndex((m) => m.from === "agent");
  const before = person < 0 ? part : part.slice(0, person);
  if (!before.some((m) => m.from === "bot")) return undefined;
  const asked: string[] = [];
  for (const m of before) {
    const text = m.text.trim();
    if (m.from === "customer" && text && !m.recalled && !wishes(text) && asked.at(-1) !== text) asked.push(text);
  }
  const answered = new Map<string, Summary["answered"][number]>();
  for (const m of before) {
    if (m.from !== "bot") continue;
    for (const s of (m.parts ?? []).flatMap((p) => p.sources ?? [])) {
      answered.set(s.id, { id: s.id, title: s.title, solved: m.solved ?? answered.get(s.id)?.solved ?? 0 });
    }
  }
  return { asked: asked.slice(-most), answered: [...answered.values()].slice(-most), missed: [...new Set(missed)].slice(-most), messages: before.length };
}

const wish = /^(转|找|要|接)?(人工|真人)(客服|服务)?$|^(talk to|speak to) (a )?(person|human|agent)$/i;

/** Whether somebody only asked for a person, which is no subject. */
export function isWish(text: string): boolean {
  return wish.test(text.trim());
}
