// The visitor protocol as the widget reads it (docs/protocol.md). Everything from the wire passes the readers below:
// an unknown or broken field is dropped, never trusted.

export type From = "customer" | "bot" | "agent" | "system";
export type Owner = "bot" | "queue" | "agent" | "closed";

export interface Attachment {
  id: string;
  type: string;
  size: number;
  name?: string;
  url?: string;
  width?: number;
  height?: number;
}

export interface Button {
  label: string;
  value: string;
}

export interface Card {
  type: string;
  title: string;
  lines: { label: string; value: string }[];
  action?: Button;
}

export type FieldType = "text" | "number" | "phone" | "email" | "date" | "choice";

export interface FormField {
  name: string;
  label: string;
  type: FieldType;
  required: boolean;
  choices: string[];
}

export interface Form {
  id: string;
  title: string;
  fields: FormField[];
}

export interface Source {
  id: string;
  title: string;
  url?: string;
}

export interface Part {
  kind: string;
  text?: string;
  attachment?: Attachment;
  card?: Card;
  buttons?: Button[];
  form?: Form;
  sources?: Source[];
}

export interface Message {
  seq: number;
  change: number;
  from: From;
  clientId?: string;
  name: Localized; // of the agent who wrote it
  text: string;
  parts: Part[];
  at: number; // milliseconds
  revised: boolean;
  recalled: boolean;
  solved: number; // 1 or -1 once the customer has said whether it helped
}

/** A text by language. */
export type Localized = Record<string, string>;

/** The customer's place among those who wait for a person. */
export interface Queue {
  position: number; // 1 is next
  waitSeconds?: number; // an estimate, where there is one
  open: boolean; // people are at work
}

export interface Session {
  token: string;
  conversation: string;
  name: Localized;
  colour?: string;
  logo?: string;
  open: boolean; // business hours now
  opensAt: number; // milliseconds; when people are next at work, 0 if they are or nobody knows
  now: number; // milliseconds; the server's clock, 0 if it did not say
  maxChars: number;
  languages: string[];
  texts: Record<string, Localized>;
}

export type ServerFrame =
  | { type: "ready"; seq: number; owner?: Owner }
  | { type: "message"; message: Message }
  | { type: "ack"; clientId: string; seq: number }
  | { type: "state"; owner?: Owner; queue?: Queue; agent: Localized }
  | { type: "typing"; from: From; name: Localized; on: boolean }
  | { type: "error"; kind: string; message: string; clientId?: string; retryAfterMs?: number }
  | { type: "reconnect"; afterMs: number }
  | { type: "pong" };

/** What a customer says: plain text, parts, or the values of the form in message `seq` (with `text` as they are read). */
export interface Draft {
  text?: string;
  parts?: Part[];
  form?: { seq: number; id: string; values: Record<string, string> };
}

type Json = Record<string, unknown>;

const isObject = (v: unknown): v is Json => typeof v === "object" && v !== null && !Array.isArray(v);
const str = (v: unknown): string => (typeof v === "string" ? v : "");
const num = (v: unknown): number => (typeof v === "number" && Number.isFinite(v) ? v : 0);
const optional = (v: unknown): string | undefined => (typeof v === "string" && v !== "" ? v : undefined);
const list = <T>(v: unknown, read: (x: unknown) => T | undefined): T[] =>
  Array.isArray(v) ? v.map(read).filter((x): x is T => x !== undefined) : [];

const owners: readonly string[] = ["bot", "queue", "agent", "closed"];
const senders: readonly string[] = ["customer", "bot", "agent", "system"];
const owner = (v: unknown): Owner | undefined => (owners.includes(str(v)) ? (v as Owner) : undefined);

/** Times are microseconds on the wire; a date text is understood too. */
function time(v: unknown): number {
  if (typeof v === "number") return v / 1000;
  return Date.parse(str(v)) || 0;
}

/** The text in a language, else in any. */
export function inLanguage(l: Localized, language: string): string {
  return l[language] ?? l.zh ?? l.en ?? Object.values(l)[0] ?? "";
}

/** One text stands for both languages. */
function localized(v: unknown): Localized {
  if (typeof v === "string") return v ? { zh: v, en: v } : {};
  return isObject(v) ? Object.fromEntries(Object.entries(v).filter((e): e is [string, string] => typeof e[1] === "string")) : {};
}

function readButton(v: unknown): Button | undefined {
  if (!isObject(v) || !str(v.label)) return undefined;
  return { label: str(v.label), value: str(v.value) || str(v.label) };
}

export function readAttachment(v: unknown): Attachment | undefined {
  if (!isObject(v) || !str(v.id)) return undefined;
  return {
    ...v, // sent back as it came: the server knows fields the widget has no use for
    id: str(v.id),
    type: str(v.type),
    size: num(v.size),
    name: optional(v.name),
    url: optional(v.url),
    width: num(v.width) || undefined,
    height: num(v.height) || undefined,
  };
}

function readCard(v: unknown): Card | undefined {
  if (!isObject(v)) return undefined;
  return {
    type: str(v.type),
    title: str(v.title),
    lines: list(v.lines, (l) => (isObject(l) ? { label: str(l.label), value: str(l.value) } : undefined)),
    action: readButton(v.action),
  };
}

const fieldTypes: readonly string[] = ["text", "number", "phone", "email", "date", "choice"];

function readForm(v: unknown): Form | undefined {
  if (!isObject(v)) return undefined;
  const fields = list(v.fields, (f): FormField | undefined => {
    if (!isObject(f) || !str(f.name) || !str(f.label)) return undefined;
    const choices = list(f.choices, optional);
    const type = fieldTypes.includes(str(f.type)) ? (f.type as FieldType) : "text";
    return { name: str(f.name), label: str(f.label), type: type === "choice" && choices.length === 0 ? "text" : type, required: f.required === true, choices };
  });
  return { id: str(v.id), title: str(v.title), fields };
}

function readSource(v: unknown): Source | undefined {
  if (!isObject(v) || !str(v.title)) return undefined;
  return { id: str(v.id), title: str(v.title), url: optional(v.url) };
}

function readPart(v: unknown): Part | undefined {
  if (!isObject(v) || !str(v.kind)) return undefined;
  const sources = list(v.sources, readSource);
  const buttons = list(v.buttons, readButton);
  return {
    kind: str(v.kind),
    text: optional(v.text),
    attachment: readAttachment(v.attachment),
    card: readCard(v.card),
    buttons: buttons.length > 0 ? buttons : undefined,
    form: readForm(v.form),
    sources: sources.length > 0 ? sources : undefined,
  };
}

export function readMessage(v: unknown): Message | undefined {
  if (!isObject(v) || num(v.seq) <= 0 || !senders.includes(str(v.from))) return undefined;
  const parts = list(v.parts, readPart);
  const text = str(v.text);
  return {
    seq: num(v.seq),
    change: num(v.change) || num(v.seq),
    from: v.from as From,
    clientId: optional(v.client_id),
    name: localized(v.author_name),
    text,
    parts: parts.length > 0 || !text ? parts : [{ kind: "text", text }],
    at: time(v.at),
    revised: Boolean(v.revised) || v.state === "revised",
    recalled: Boolean(v.recalled) || v.state === "recalled",
    solved: num(v.solved),
  };
}

export interface Page {
  messages: Message[];
  seq: number;
  more: boolean; // older ones, in a page of history
  owner?: Owner;
  queue?: Queue;
  satisfaction?: number; // the score given to the newest episode, 0 if none was
}

function readQueue(v: unknown): Queue | undefined {
  if (!isObject(v) || num(v.position) <= 0) return undefined;
  return { position: num(v.position), waitSeconds: num(v.wait_s) > 0 ? num(v.wait_s) : undefined, open: v.open !== false };
}

export function readPage(v: unknown): Page {
  if (!isObject(v)) return { messages: [], seq: 0, more: false };
  // "changed" are earlier messages as they stand now: revised, recalled or redacted.
  const messages = [...list(v.changed, readMessage), ...list(v.messages, readMessage)];
  const satisfaction = v.satisfaction === undefined ? undefined : num(v.satisfaction);
  return { messages, seq: num(v.seq), more: v.more === true, owner: owner(v.owner), queue: readQueue(v.queue), satisfaction };
}

export function readSession(v: unknown): Session | undefined {
  if (!isObject(v) || !str(v.token)) return undefined;
  const site = isObject(v.site) ? v.site : {};
  const texts = Object.fromEntries(Object.entries(isObject(site.texts) ? site.texts : {}).map(([key, value]) => [key, localized(value)]));
  return {
    token: str(v.token),
    conversation: str(v.conversation),
    name: localized(isObject(site.names) ? site.names : site.name),
    colour: optional(site.colour),
    logo: optional(site.logo),
    open: site.open !== false,
    opensAt: time(site.opens_at),
    now: time(v.now),
    maxChars: num(site.max_chars) || 4000,
    languages: list(site.languages, (l) => optional(l)),
    texts,
  };
}

/** Reads one frame; undefined for types this version does not know, which are skipped. */
export function readFrame(data: unknown): ServerFrame | undefined {
  let v: unknown;
  try {
    v = JSON.parse(str(data));
  } catch {
    return undefined;
  }
  if (!isObject(v)) return undefined;
  switch (v.type) {
    case "ready":
      return { type: "ready", seq: num(v.seq), owner: owner(v.owner) };
    case "message": {
      const message = readMessage(v.message);
      return message && { type: "message", message };
    }
    case "ack":
      return { type: "ack", clientId: str(v.client_id), seq: num(v.seq) };
    case "state":
      return { type: "state", owner: owner(v.owner), queue: readQueue(v.queue), agent: localized(isObject(v.agent) ? v.agent.name : undefined) };
    case "typing":
      return { type: "typing", from: senders.includes(str(v.from)) ? (v.from as From) : "bot", name: localized(v.name), on: v.on !== false };
    case "error":
      return {
        type: "error",
        kind: str(v.kind),
        message: str(v.message),
        clientId: optional(v.client_id),
        retryAfterMs: num(v.retry_after_ms) || undefined,
      };
    case "reconnect":
      return { type: "reconnect", afterMs: num(v.after_ms) };
    case "pong":
      return { type: "pong" };
    default:
      return undefined;
  }
}
