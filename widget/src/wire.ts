import { Refusal, type Socket, type SocketEvents, type Wire } from "./connection";
import { readAttachment, readPage, readSession, type Attachment, type Draft, type Page, type Session } from "./protocol";
import { local } from "./store";

export interface WireOptions {
  base: string; // where the server is, without a slash at the end
  site: string;
  identity?: string; // signed by the host site
  speaks: () => string; // the language shown now
  /** The host's identity was refused, most often because it has expired: the host may give a new one. */
  identityRefused: () => void;
}

/** What the visitor does on the host's pages. */
export interface Tracked {
  name: string;
  url: string;
  title: string;
  data?: Record<string, string | number | boolean>;
}

const historyPage = 40;
const silenceMs = 60_000; // an upload in which nothing moves for so long has failed

/** The visitor protocol over HTTP and WebSocket. The token is kept per site, so a reload goes on where it was. */
export class HttpWire implements Wire {
  private token: string | undefined;
  private readonly key: string;
  private warned = false; // once is enough in a log

  constructor(private options: WireOptions) {
    this.key = `frontdesk:${options.site}:token`;
    this.token = local.get(this.key);
  }

  get known(): boolean {
    return this.token !== undefined;
  }

  identify(identity: string | undefined): void {
    this.options.identity = identity;
  }

  forget(): void {
    this.token = undefined;
    local.set(this.key, undefined);
  }

  /** One tab at a time, and with the token that another one may just have got: two tabs never make two conversations. */
  session(): Promise<Session> {
    return alone(this.key, async () => {
      this.token = local.get(this.key) ?? this.token;
      const s = readSession(await this.openSession());
      if (!s) throw new Refusal(500, "internal", "the session answer was not understood");
      this.token = s.token;
      local.set(this.key, s.token);
      return s;
    });
  }

  private async openSession(): Promise<unknown> {
    const { site, identity } = this.options;
    const language = this.options.speaks();
    const open = (with_: { token?: string; identity?: string }): Promise<unknown> => this.json("POST", "/v1/visitor/session", { site, language, ...with_ });
    try {
      return await open({ token: this.token, identity });
    } catch (err) {
      // Browsers don't tell a script that its page is refused, only that there was no answer.
      if (!(err instanceof Refusal) && !this.warned) {
        this.warned = true;
        console.warn(`Frontdesk: no answer from ${this.options.base}. If the server runs, ${location.origin} is not among the addresses of the site "${site}" (Settings, Sites).`);
      }
      if (!(err instanceof Refusal) || err.passing) throw err;
      if (err.status === 404) console.error(`Frontdesk: ${err.message} (data-site="${site}")`);
      if (identity) {
        this.options.identity = undefined;
        this.options.identityRefused();
        return open({ token: this.token });
      }
      if (!this.token) throw err;
      this.forget();
      return open({});
    }
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

  async history(before: number): Promise<Page> {
    return readPage(await this.json("GET", `/v1/visitor/history?before=${before}&limit=${historyPage}`));
  }

  async post(clientId: string, draft: Draft): Promise<number> {
    const { form, ...said } = draft;
    const v = form
      ? await this.json("POST", "/v1/visitor/forms", { client_id: clientId, seq: form.seq, values: form.values })
      : await this.json("POST", "/v1/visitor/messages", { client_id: clientId, ...said });
    const seq = (v as { seq?: unknown } | null)?.seq;
    return typeof seq === "number" ? seq : 0;
  }

  async human(): Promise<void> {
    await this.json("POST", "/v1/visitor/human", { language: this.options.speaks() });
  }

  async rate(seq: number, solved: boolean, reason?: string): Promise<void> {
    await this.json("POST", "/v1/visitor/ratings", { seq, solved, reason });
  }

  async satisfied(score: number, comment: string): Promise<void> {
    await this.json("POST", "/v1/visitor/satisfaction", { score, comment });
  }

  async track(t: Tracked): Promise<void> {
    await this.json("POST", "/v1/visitor/events", t);
  }

  /** Sends a file's bytes. fetch does not tell how far it is, so this is the older way. */
  upload(name: string, file: Blob, progress: (part: number) => void, gone: AbortSignal): Promise<Attachment> {
    return new Promise((done, fail) => {
      const x = new XMLHttpRequest();
      let silence: ReturnType<typeof setTimeout>;
      const lives = (): void => {
        clearTimeout(silence);
        silence = setTimeout(() => x.abort(), silenceMs);
      };
      x.open("POST", `${this.options.base}/v1/visitor/attachments?name=${encodeURIComponent(name)}`);
      // Only what is meant to be a picture says so: a drawing with script in it (SVG) is a file like any other.
      x.setRequestHeader("Content-Type", /^image\/(png|jpeg|gif|webp)$/.test(file.type) ? file.type : "application/octet-stream");
      if (this.token) x.setRequestHeader("Authorization", `Bearer ${this.token}`);
      x.upload.onprogress = (e) => {
        lives();
        if (e.lengthComputable) progress(e.loaded / e.total);
      };
      x.onloadend = () => {
        clearTimeout(silence);
        gone.removeEventListener("abort", stop);
        const a = x.status === 200 ? readAttachment(parse(x.responseText)) : undefined;
        if (a) done(a);
        else if (x.status === 0) fail(new TypeError("the server was not reached"));
        else fail(refusal(x.status, parse(x.responseText), x.getResponseHeader("Retry-After")));
      };
      const stop = (): void => x.abort();
      gone.addEventListener("abort", stop);
      lives();
      x.send(file);
    });
  }

  /** An attachment's bytes: they need the token, which neither an img element nor a link can send. */
  async bytes(a: Attachment): Promise<Blob> {
    const v = await this.request("GET", `/v1/visitor/attachments/${encodeURIComponent(a.id)}`, undefined, 60_000);
    return v.blob();
  }

  private async json(method: string, path: string, body?: unknown, timeoutMs = 20_000): Promise<unknown> {
    const v = await this.request(method, path, body === undefined ? undefined : JSON.stringify(body), timeoutMs);
    return v.status === 204 ? null : v.json();
  }

  private async request(method: string, path: string, body: string | undefined, timeoutMs: number): Promise<Response> {
    const headers: Record<string, string> = {};
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (this.token && path !== "/v1/visitor/session") headers.Authorization = `Bearer ${this.token}`;
    const gone = new AbortController();
    const timer = setTimeout(() => gone.abort(), timeoutMs);
    try {
      const v = await fetch(this.options.base + path, { method, headers, body, signal: gone.signal, credentials: "omit" });
      if (!v.ok) throw refusal(v.status, parse(await v.text()), v.headers.get("Retry-After"));
      return v;
    } finally {
      clearTimeout(timer);
    }
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // a proxy's error page: the status has to do
  }
}

function refusal(status: number, body: unknown, retryAfter: string | null): Refusal {
  const e = (body as { error?: { kind?: string; message?: string; field?: string } } | undefined)?.error;
  const seconds = Number(retryAfter);
  return new Refusal(status, e?.kind ?? "", e?.message ?? "", Number.isFinite(seconds) ? seconds * 1000 : 0, e?.field ?? "");
}

const settleMs = 200; // what one tab stores reaches another, in a process of its own, a little later

/** Runs something while no other tab does; without the browser's help (old ones, plain http) just runs it. */
function alone<T>(name: string, run: () => Promise<T>): Promise<T> {
  if (!navigator.locks) return run();
  return new Promise((done, fail) => {
    const held = navigator.locks.request(name, async () => {
      await run().then(done, fail);
      await new Promise((settled) => setTimeout(settled, settleMs));
    });
    held.catch(fail); // the page is being left
  });
}
