// The staff API as the console uses it: one function a request, one error type. The types follow /openapi.json.

export interface ApiErrorBody {
  error?: { kind?: string; message?: string; field?: string; request_id?: string };
}

/** A refusal by the server, or (status 0) a server that was not reached. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly kind: string,
    message: string,
    readonly field = "",
    readonly requestId = "",
  ) {
    super(message);
  }
}

export interface Page<T> {
  items: T[];
  next?: string;
}

export interface Me {
  id: string;
  name: string;
  email: string;
  roles: string[];
  permissions: string[];
  csrf: string;
}

export type Owner = "bot" | "queue" | "agent" | "closed";

export interface Conversation {
  id: string;
  site: string;
  contact: string;
  visitor: string;
  owner: Owner;
  agent?: string;
  agent_name?: string;
  name?: string;
  language: string;
  episode: number;
  preview: string;
  queued_at?: number;
  updated_at: number;
  opened_at: number;
  asked_at?: number;
  unread?: number; // 1 if the customer wrote something nobody has seen
}

export interface Part {
  kind: string;
  text?: string;
  attachment?: { id: string; type: string; size: number; name?: string; url?: string };
  card?: { type: string; title: string; lines?: { label: string; value: string }[] };
  buttons?: { label: string; value: string }[];
  sources?: { id: string; title: string; score: number; url?: string }[];
}

export interface Message {
  seq: number;
  change?: number;
  from: "customer" | "bot" | "agent" | "system" | "note";
  client_id?: string;
  reply_to?: number[];
  text: string;
  parts?: Part[];
  at: number;
  author_id?: string;
  name?: string;
  revised?: boolean;
  recalled?: boolean;
  solved?: number; // of an answer: 1 solving, -1 not
}

export interface Entry {
  id: string;
  question: string;
  similar: string[];
  negative: string[];
  answer: string;
  lang: string;
  category: string;
  valid_from?: string;
  valid_to?: string;
}

export interface ImportReport {
  read: number;
  added: number;
  changed: number;
  skipped: number;
  failed: number;
  seconds: number;
  problems: { row: number; field: string; reason: string }[];
}

export interface HitTest {
  kind: string;
  text: string;
  confidence: number;
  threshold?: number;
  candidates: { id: string; question: string; wording?: string; score: number; features?: Record<string, number>; vetoed?: boolean }[];
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

interface Init {
  query?: Record<string, string | number | boolean | undefined>;
  body?: unknown;
  raw?: Blob;
  signal?: AbortSignal;
  quiet?: boolean; // a missing session is an answer here, not a reason to leave the page
}

async function request<T>(method: string, path: string, init: Init = {}): Promise<T> {
  const query = new URLSearchParams();
  for (const [k, v] of Object.entries(init.query ?? {})) if (v !== undefined && v !== "") query.set(k, String(v));
  const headers: Record<string, string> = { Accept: "application/json" };
  if (method !== "GET") {
    headers["X-CSRF-Token"] = csrf;
    // Repeating a request that may have arrived must not do the thing twice.
    if (method === "POST") headers["Idempotency-Key"] = newKey();
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
  let e: ApiErrorBody["error"];
  try {
    e = ((await res.json()) as ApiErrorBody).error;
  } catch {
    // A proxy's page: the status says what there is to say.
  }
  if (res.status === 401 && !quiet) onSignedOut();
  return new ApiError(res.status, e?.kind ?? "", e?.message ?? "", e?.field, e?.request_id);
}

/** A key for one request; crypto.randomUUID is missing where the console is served without https. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}

const id = encodeURIComponent;

export const api = {
  setupOpen: () => request<{ needed: boolean }>("GET", "/v1/setup"),
  setup: (body: { company: string; name: string; email: string; password: string }) => request<unknown>("POST", "/v1/setup", { body, quiet: true }),
  signIn: (email: string, password: string) => request<Me>("POST", "/v1/sessions", { body: { email, password }, quiet: true }),
  signOut: () => request<void>("DELETE", "/v1/sessions/current", { quiet: true }),
  me: () => request<Me>("GET", "/v1/me", { quiet: true }),

  conversations: (query: { owner?: string; mine?: 1; cursor?: string; limit?: number }, signal?: AbortSignal) =>
    request<Page<Conversation>>("GET", "/v1/conversations", { query, signal }),
  conversation: (c: string) => request<Conversation>("GET", `/v1/conversations/${id(c)}`),
  messages: (c: string, after: number, wait: number, signal?: AbortSignal) =>
    request<{ messages: Message[]; seq: number }>("GET", `/v1/conversations/${id(c)}/messages`, { query: { after, wait }, signal }),
  take: (c: string) => request<unknown>("POST", `/v1/conversations/${id(c)}/take`, { body: {} }),
  reply: (c: string, clientId: string, text: string) =>
    request<{ seq: number }>("POST", `/v1/conversations/${id(c)}/messages`, { body: { client_id: clientId, text } }),
  note: (c: string, text: string) => request<unknown>("POST", `/v1/conversations/${id(c)}/notes`, { body: { text } }),
  handBack: (c: string) => request<unknown>("POST", `/v1/conversations/${id(c)}/hand-back`, { body: {} }),
  close: (c: string) => request<unknown>("POST", `/v1/conversations/${id(c)}/close`, { body: {} }),

  entries: (query: { q?: string; category?: string; lang?: string; cursor?: string; limit?: number }) => request<Page<Entry>>("GET", "/v1/knowledge", { query }),
  entry: (e: string) => request<Entry>("GET", `/v1/knowledge/${id(e)}`),
  addEntry: (body: Partial<Entry>) => request<Entry>("POST", "/v1/knowledge", { body }),
  putEntry: (e: string, body: Partial<Entry>) => request<Entry>("PUT", `/v1/knowledge/${id(e)}`, { body }),
  deleteEntry: (e: string) => request<void>("DELETE", `/v1/knowledge/${id(e)}`),
  importEntries: (file: File, format: string, dryRun: boolean) =>
    request<ImportReport>("POST", "/v1/knowledge/import", { query: { format, dry_run: dryRun }, raw: file }),
  home: (signal?: AbortSignal) => request<Home>("GET", "/v1/home", { query: { zone: Intl.DateTimeFormat().resolvedOptions().timeZone }, signal }),
  unanswered: (limit: number, signal?: AbortSignal) => request<Page<Unanswered>>("GET", "/v1/unanswered", { query: { limit }, signal }),

  sites: (signal?: AbortSignal) => request<Page<Site>>("GET", "/v1/sites", { signal }),
  staff: (signal?: AbortSignal) => request<Page<Staff>>("GET", "/v1/staff", { signal }),
  addStaff: (body: { name: string; email: string; password: string; roles: string[] }) => request<Staff>("POST", "/v1/staff", { body }),
  keys: (signal?: AbortSignal) => request<Page<ApiKey>>("GET", "/v1/keys", { signal }),
  addKey: (body: { name: string; scopes: string[] }) => request<ApiKey>("POST", "/v1/keys", { body }),
  revokeKey: (k: string) => request<void>("DELETE", `/v1/keys/${id(k)}`),

  hitTest: (text: string) => request<HitTest>("POST", "/v1/knowledge/test", { body: { text } }),
};

export interface HomeDay {
  date: string;
  conversations: number;
  messages: number;
  answered: number;
  clarified: number;
  not_known: number;
  handed_over: number;
  solved: number;
  not_solved: number;
}

export interface Home {
  now: { with_bot: number; waiting: number; with_agent: number; longest_wait_ms: number };
  today: HomeDay;
  yesterday: HomeDay;
  days: HomeDay[]; // oldest first
  hours?: number[][]; // [weekday, 0 = Sunday][hour]
  first_response_ms?: number; // median
}

export interface Unanswered {
  id: string;
  text: string;
  language: string;
  count: number;
  conversation: string;
  at: number;
}

export interface Site {
  id: string;
  key: string;
  name: string | Record<string, string>;
  origins?: string[];
  languages?: string[];
  zone?: string;
}

export interface Staff {
  id: string;
  name: string;
  email: string;
  roles: string[];
  status?: string;
}

export interface ApiKey {
  id: string;
  name: string;
  hint?: string;
  scopes: string[];
  expires_at?: number;
  revoked_at?: number;
  secret?: string; // only in the answer that made it
  key?: string;
}
