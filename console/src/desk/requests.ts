// What the desk asks of the server beyond the lists and messages that api.ts has.
import { request, type Conversation, type Message, type Page, type Entry } from "../api";
import type { components } from "../schema";

type Schemas = components["schemas"];
export type Attachment = Schemas["Attachment"];
export type Trace = Schemas["Trace"];
export type ContactFacts = Schemas["ContactFacts"];
export type Episode = Schemas["Episode"];
export type Order = Schemas["Order"];

export interface ListQuery {
  owner?: string;
  mine?: boolean;
  site?: string;
  language?: string;
  agent?: string;
  cursor?: string;
  limit?: number;
  figure?: string;
  from?: string;
  to?: string;
  weekday?: string;
  hour?: string;
  zone?: string;
}

const c = (id: string): string => `/v1/conversations/${encodeURIComponent(id)}`;

export const desk = {
  list: (query: ListQuery, signal?: AbortSignal) => request<Page<Conversation>>("GET", "/v1/conversations", { query: { ...query }, signal }),
  messages: (id: string, after: number, signal?: AbortSignal) => request<{ messages: Message[]; seq: number }>("GET", `${c(id)}/messages`, { query: { after }, signal }),
  /** `seize`: also from a colleague who has it by now. */
  take: (id: string, seize: boolean) => request<Conversation>("POST", `${c(id)}/take`, { query: { seize: seize || undefined }, body: {} }),
  reply: (id: string, clientId: string, text: string, attachments: string[]) =>
    request<{ seq: number }>("POST", `${c(id)}/messages`, { body: { client_id: clientId, text: text || undefined, attachments: attachments.length > 0 ? attachments : undefined } }),
  note: (id: string, clientId: string, text: string) => request<{ seq: number }>("POST", `${c(id)}/notes`, { body: { client_id: clientId, text } }),
  revise: (id: string, seq: number, text: string) => request<void>("PUT", `${c(id)}/messages/${seq}`, { body: { text } }),
  recall: (id: string, seq: number) => request<void>("DELETE", `${c(id)}/messages/${seq}`),
  upload: (file: File, signal: AbortSignal) => request<Attachment>("POST", "/v1/attachments", { query: { name: file.name }, raw: new Blob([file], { type: "application/octet-stream" }), signal }),
  traces: (id: string, after: number, signal?: AbortSignal) => request<Page<Trace>>("GET", `${c(id)}/traces`, { query: { after, limit: 100 }, signal }),
  replay: (id: string, turn: number) => request<Schemas["Replay"]>("POST", `${c(id)}/traces/${turn}/replay`, { body: {} }),
  check: (id: string, text: string) => request<Schemas["CheckedReply"]>("POST", `${c(id)}/check`, { body: { text } }),
  reveal: (id: string, token: string, reason: string) => request<{ value: string }>("POST", `${c(id)}/reveal`, { body: { token, reason } }),
  contact: (id: string, signal?: AbortSignal) => request<ContactFacts>("GET", `/v1/contacts/${encodeURIComponent(id)}`, { signal }),
  episodes: (id: string, limit: number, signal?: AbortSignal) => request<Page<Episode>>("GET", `/v1/contacts/${encodeURIComponent(id)}/episodes`, { query: { limit }, signal }),
  orders: (id: string, language: string, signal?: AbortSignal) => request<Schemas["OrdersOf"]>("GET", `/v1/contacts/${encodeURIComponent(id)}/orders`, { query: { language }, signal }),
  hits: (text: string, lang: string, signal?: AbortSignal) => request<Schemas["HitTest"]>("POST", "/v1/knowledge/test", { body: { text, lang }, signal }),
  entry: (id: string, signal?: AbortSignal) => request<Entry>("GET", `/v1/knowledge/${encodeURIComponent(id)}`, { signal }),
};
