import { Refusal, type Socket, type SocketEvents, type Wire } from "./connection";
import { readAttachment, readPage, readSession, type Attachment, type Draft, type Page, type Session } from "./protocol";

export interface WireOptions {
  base: string; // where the server is, without a slash at the end
  site: string;
  identity?: string; // signed by the host site
  speaks: () => string; // the language shown now
}

/** The visitor protocol over HTTP and WebSocket. The token is kept per site, so a reload goes on where it was. */
export class HttpWire implements Wire {
  private token: string | undefined;
  private readonly key: string;

  constructor(private options: WireOptions) {
    this.key = `frontdesk:${options.site}:token`;
    this.token = read(this.key);
  }

  get known(): boolean {
    return this.token !== undefined;
  }

  identify(identity: string): void {
    this.options.identity = identity;
  }

  forget(): void {
    this.token = undefined;
    write(this.key, undefined);
  }

  async session(): Promise<Session> {
    const { site, identity } = this.options;
    const language = this.options.speaks();
    let answer: unknown;
    try {
      answer = await this.json("POST", "/v1/visitor/session", { site, token: this.token, identity, language });
    } catch (err) {
      if (!this.token || !(err instanceof Refusal) || err.passing) throw err;
      this.forget();
      answer = await this.json("POST", "/v1/visitor/session", { site, identity, language });
    }
    const s = readSession(answer);
    if (!s) throw new Refusal(500, "internal", "the session answer was not understood");
    this.token = s.token;
    write(this.key, s.token);
    return s;
  }

  async ticket(): Promise<string> {
    const v = await this.json("POST", "/v1/visitor/ticket", {});
    const ticket = (v as { ticket?: unknown } | null)?.ticket;
    if (typeof ticket !== "string") throw new Refusal(500, "internal", "the ticket answer was not understood");
    return ticket;
  }

  open(ticket: string, after: number, on: SocketEvents): Socket {
    const url = `${this.options.base.replace(/^http/, "ws")}/v1/visitor/socket?ticket=${encodeURIComponent(ticket)}&after=${after}`;
    const ws = new WebSocket(url);
    ws.onmessage = (e) => on.data(e.data);
    ws.onclose = () => on.close();
    return {
      send: (text) => ws.send(text),
      close: () => {
        ws.onmessage = ws.onclose = null;
        ws.close();
      },
    };
  }

  async poll(after: number, waitSeconds: number): Promise<Page> {
    return readPage(await this.json("GET", `/v1/visitor/messages?after=${after}&wait=${waitSeconds}`, undefined, (waitSeconds + 15) * 1000));
  }

  async post(clientId: string, draft: Draft): Promise<number> {
    const v = await this.json("POST", "/v1/visitor/messages", { client_id: clientId, ...draft });
    const seq = (v as { seq?: unknown } | null)?.seq;
    return typeof seq === "number" ? seq : 0;
  }

  async human(): Promise<void> {
    await this.json("POST", "/v1/visitor/human", {});
  }

  async rate(seq: number, solved: boolean, reason?: string): Promise<void> {
    await this.json("POST", "/v1/visitor/ratings", { seq, solved, reason });
  }

  async upload(file: File): Promise<Attachment> {
    const v = await this.request("POST", `/v1/visitor/attachments?name=${encodeURIComponent(file.name)}`, file, file.type, 120_000);
    const a = readAttachment(await v.json());
    if (!a) throw new Refusal(500, "internal", "the upload answer was not understood");
    return a;
  }

  /** An attachment's bytes as a local address: a picture needs the token, which an img element cannot send. */
  async picture(a: Attachment): Promise<string> {
    const path = a.url?.startsWith("/") ? a.url : `/v1/visitor/attachments/${encodeURIComponent(a.id)}`;
    const v = await this.request("GET", path, undefined, undefined, 60_000);
    return URL.createObjectURL(await v.blob());
  }

  private async json(method: string, path: string, body?: unknown, timeoutMs = 20_000): Promise<unknown> {
    const v = await this.request(method, path, body === undefined ? undefined : JSON.stringify(body), "application/json", timeoutMs);
    return v.status === 204 ? null : v.json();
  }

  private async request(method: string, path: string, body: BodyInit | undefined, type: string | undefined, timeoutMs: number): Promise<Response> {
    const headers: Record<string, string> = {};
    if (body !== undefined && type) headers["Content-Type"] = type;
    if (this.token && path !== "/v1/visitor/session") headers.Authorization = `Bearer ${this.token}`;
    const gone = new AbortController();
    const timer = setTimeout(() => gone.abort(), timeoutMs);
    try {
      const v = await fetch(this.options.base + path, { method, headers, body, signal: gone.signal, credentials: "omit" });
      if (!v.ok) throw await refusal(v);
      return v;
    } finally {
      clearTimeout(timer);
    }
  }
}

async function refusal(v: Response): Promise<Refusal> {
  let kind = "";
  let message = "";
  try {
    const body = (await v.json()) as { error?: { kind?: string; message?: string } };
    kind = body.error?.kind ?? "";
    message = body.error?.message ?? "";
  } catch {
    // A proxy's error page: the status has to do.
  }
  const retryAfter = Number(v.headers.get("Retry-After"));
  return new Refusal(v.status, kind, message, Number.isFinite(retryAfter) ? retryAfter * 1000 : 0);
}

function read(key: string): string | undefined {
  try {
    return localStorage.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}

function write(key: string, value: string | undefined): void {
  try {
    if (value === undefined) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // Forbidden storage only costs the history after a reload.
  }
}
