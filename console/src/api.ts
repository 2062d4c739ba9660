// The staff API as the console uses it: one function a request, one error type. The types are the server's own (schema.ts).

import type { components } from "./schema";
import { reader } from "./time";

type Schemas = components["schemas"];

export interface Page<T> {
  items: T[];
  next?: string;
}
export type Me = Schemas["Me"];
export type Conversation = Schemas["Conversation"];
export type Message = Schemas["Message"];
export type Part = Schemas["Part"];
export type Entry = Schemas["Entry"];
export type EntryInput = Schemas["EntryInput"];
export type HitTest = Schemas["HitTest"];
export type Home = Schemas["Home"];
export type HomeDay = Schemas["HomeDay"];
export type Unanswered = Schemas["Unanswered"];
export type Site = Schemas["Site"];
export type Staff = Schemas["Staff"];
export type Session = Schemas["Session"];
export type ApiKey = Schemas["Key"];
export type MadeKey = Schemas["MadeKey"];

/** A refusal by the server, or (status 0) a server that was not reached. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly kind: string,
    message: string,
    readonly field = "",
    readonly requestId = "",
    readonly retryAfterMs = 0,
    readonly fault?: Partial<Schemas["Fault"]>, // all that was said, as of a conflict who was faster
  ) {
    super(message);
  }
}

let csrf = "";
export function setCsrf(token: string): void {
  csrf = token;
}

let onSignedOut = (): void => undefined;
/** What happens when the server no longer knows this session. */
export function whenSignedOut(run: () => void): void {
  onSignedOut = run;
}

let onForbidden = (): void => undefined;
/** What happens when the server refuses what the page offered: this person's rights may have changed. */
export function whenForbidden(run: () => void): void {
  onForbidden = run;
}

interface Init {
  query?: Record<string, string | number | boolean | undefined>;
  body?: unknown;
  raw?: Blob;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  once?: false; // each answer is another one: no Idempotency-Key
  quiet?: boolean; // a missing session is an answer here, not a reason to leave the page
}

/** One request; other areas of the console add their own on top of it. */
export async function request<T>(method: string, path: string, init: Init = {}): Promise<T> {
  const query = new URLSearchParams();
  for (const [k, v] of Object.entries(init.query ?? {})) if (v !== undefined && v !== "") query.set(k, String(v));
  const headers: Record<string, string> = { Accept: "application/json", ...init.headers };
  if (method !== "GET") {
    headers["X-CSRF-Token"] = csrf;
    // Repeating a request that may have arrived must not do the thing twice.
    if (method === "POST" && init.once !== false) headers["Idempotency-Key"] = newKey();
  }
  let body: BodyInit | undefined;
  if (init.raw) {
    body = init.raw;
    headers["Content-Type"] = init.raw.type || "application/octet-stream";
  } else if (init.body !== undefined) {
    body = JSON.stringify(init.body);
    headers["Content-Type"] = "application/json";
  }
  let res: Response;
  try {
    res = await fetch(`${path}${query.size > 0 ? `?${query}` : ""}`, { method, headers, body, signal: init.signal, credentials: "same-origin" });
  } catch (err) {
    if (init.signal?.aborted) throw err;
    throw new ApiError(0, "unreachable", "");
  }
  if (!res.ok) throw await failure(res, init.quiet);
  if (res.status === 204 || res.headers.get("Content-Length") === "0") return undefined as T;
  return (await res.json()) as T;
}

async function failure(res: Response, quiet?: boolean): Promise<ApiError> {
  let e: Partial<Schemas["Fault"]> | undefined;
  try {
    e = ((await res.json()) as { error?: Partial<Schemas["Fault"]> }).error;
  } catch {
    // A proxy's page: the status says what there is to say.
  }
  if (res.status === 401 && !quiet) onSignedOut();
  if (res.status === 403 && !quiet) onForbidden();
  return new ApiError(res.status, e?.kind ?? "", e?.message ?? "", e?.field, e?.request_id, 1000 * (Number(res.headers.get("Retry-After")) || 0), e);
}

/** A key for one request; crypto.randomUUID is missing where the console is served without https. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}

const id = encodeURIComponent;

export const api = {
  setupOpen: () => request<Schemas["SetupState"]>("GET", "/v1/setup"),
  setup: (body: Schemas["SetupInputBody"]) => request<unknown>("POST", "/v1/setup", { body, quiet: true }),
  signIn: (email: string, password: string) => request<Me>("POST", "/v1/sessions", { body: { email, password }, quiet: true }),
  signOut: () => request<void>("DELETE", "/v1/sessions/current", { quiet: true }),
  me: () => request<Me>("GET", "/v1/me", { quiet: true }),
  changeMe: (body: Schemas["ChangeMeInputBody"]) => request<Me>("PATCH", "/v1/me", { body }),
  changePassword: (current: string, password: string) => request<void>("PUT", "/v1/me/password", { body: { current, password } }),
  sessions: (signal?: AbortSignal) => request<Page<Session>>("GET", "/v1/sessions", { signal }),
  endSession: (s: string) => request<void>("DELETE", `/v1/sessions/${id(s)}`),
  staffTicket: () => request<{ ticket: string }>("POST", "/v1/staff/ticket", { once: false }),

  conversations: (query: { owner?: string; mine?: 1; site?: string; cursor?: string; limit?: number }, signal?: AbortSignal) =>
    request<Page<Conversation>>("GET", "/v1/conversations", { query, signal }),
  conversation: (c: string) => request<Conversation>("GET", `/v1/conversations/${id(c)}`),
  messages: (c: string, after: number, wait: number, signal?: AbortSignal) =>
    request<{ messages: Message[]; seq: number }>("GET", `/v1/conversations/${id(c)}/messages`, { query: { after, wait }, signal }),
  take: (c: string) => request<Conversation>("POST", `/v1/conversations/${id(c)}/take`, { body: {} }),
  reply: (c: string, clientId: string, text: string) =>
    request<{ seq: number }>("POST", `/v1/conversations/${id(c)}/messages`, { body: { client_id: clientId, text } }),
  note: (c: string, text: string) => request<unknown>("POST", `/v1/conversations/${id(c)}/notes`, { body: { text } }),
  handBack: (c: string) => request<unknown>("POST", `/v1/conversations/${id(c)}/hand-back`, { body: {} }),
  close: (c: string) => request<unknown>("POST", `/v1/conversations/${id(c)}/close`, { body: {} }),

  entries: (query: { q?: string; category?: string; lang?: string; cursor?: string; limit?: number }) => request<Page<Entry>>("GET", "/v1/knowledge", { query }),
  deleteEntry: (e: string) => request<void>("DELETE", `/v1/knowledge/${id(e)}`),
  home: (signal?: AbortSignal) => request<Home>("GET", "/v1/home", { query: { zone: reader.zone }, signal }),
  unanswered: (limit: number, signal?: AbortSignal) => request<Page<Unanswered>>("GET", "/v1/unanswered", { query: { limit }, signal }),

  sites: (signal?: AbortSignal) => request<Page<Site>>("GET", "/v1/sites", { signal }),
  saveSite: (id: string, base: number, body: Schemas["SiteInput"]) => request<Site>("PUT", `/v1/sites/${id}`, { query: { base }, body }),
  staff: (signal?: AbortSignal) => request<Page<Staff>>("GET", "/v1/staff", { signal }),

  search: (query: { q: string; limit: number; kinds?: string }, signal?: AbortSignal) => request<Schemas["SearchResult"]>("GET", "/v1/search", { query, signal }),
  hitTest: (text: string) => request<HitTest>("POST", "/v1/knowledge/test", { body: { text } }),
};
