// The console's one connection to what happens now (docs/protocol.md, "Staff socket"). Pages follow a list and conversations
// through it and need not know how news arrives: by socket, resumed after every cut, or where a network lets no socket
// through, by asking the API every few seconds. News may be told twice; go by `seq` and `change`.
import { ref, shallowRef } from "vue";
import { api, ApiError, type Conversation, type Message, type Page } from "./api";

export type View = "mine" | "queue" | "bot" | "agent" | "closed" | "all";

export interface Counts {
  mine: number;
  queue: number;
  bot: number;
  all: number;
}
export interface ListNews {
  items: Conversation[]; // new to the list, or changed
  gone: string[]; // no longer of it; may name rows never shown
  more: boolean; // others changed too: load the list's beginning again, soon
}
export interface ListFollower {
  changed(news: ListNews): void;
  /** Too much happened to tell: load the list again. */
  reset(): void;
}
export interface ConversationNews {
  messages: Message[];
  state?: Conversation;
}
export interface Colleague {
  id: string;
  name: string;
  typing: boolean;
}
export interface Follower {
  changed(news: ConversationNews): void;
  presence?(others: Colleague[]): void;
  /** The customer writes; it lapses by itself. */
  typing?(on: boolean): void;
  /** It does not exist, or may not be seen (any more). */
  failed?(kind: string): void;
}
export interface Notice {
  kind: "queued" | "assigned" | "taken" | "message";
  conversation: Conversation;
  at: number;
}

/** How news arrives now. `lost`: a connection was there and is being tried again. */
export type Link = "off" | "connecting" | "live" | "polling" | "lost" | "offline";

type Frame =
  | { type: "ready"; cursor: string; resumed: boolean }
  | { type: "reset"; cursor: string }
  | { type: "conversations"; items?: Conversation[]; gone?: string[]; counts?: Counts; more?: boolean; cursor?: string }
  | { type: "conversation"; id: string; messages?: Message[]; seq?: number; state?: Conversation }
  | { type: "presence"; conversation: string; staff: Colleague[] }
  | { type: "typing"; conversation: string; from: string; on: boolean }
  | ({ type: "notice" } & Notice)
  | { type: "error"; kind: string; message: string; conversation?: string }
  | { type: "denied"; reason: "session" | "permission" }
  | { type: "reconnect"; after_ms: number }
  | { type: "pong"; cursor?: string };

/** The part of a WebSocket that is used, so that tests can stand in for the network. */
export interface Wire {
  send(text: string): void;
  close(): void;
  onmessage: ((e: MessageEvent<string>) => void) | null;
  onclose: ((e: CloseEvent) => void) | null;
}
export interface Outside {
  ticket(): Promise<string>;
  connect(ticket: string, after: string): Wire;
  list(view: View, site: string | undefined): Promise<Page<Conversation>>;
  messages(conversation: string, after: number): Promise<{ messages: Message[]; seq: number }>;
  conversation(id: string): Promise<Conversation>;
  /** The server ended this connection on purpose: the session or the right is gone. */
  denied(reason: "session" | "permission"): void;
  random(): number;
}

const firstWaitMs = 500;
const longestWaitMs = 15_000;
const pingMs = 25_000;
const silenceMs = 10_000; // after a ping, before the connection counts as dead
const watchMs = 250; // a scrolling list says what it holds at most this often
const pollMs = 3_000;
const socketAgainMs = 60_000; // while polling
const blockedAfter = 3; // sockets that never became ready, one after another, with the API answering

export class Live {
  readonly link = ref<Link>("off");
  readonly counts = shallowRef<Counts>();
  #wire: Wire | undefined;
  #cursor = "";
  #failures = 0;
  #neverReady = 0;
  #round = 0; // of connecting: what an earlier one still brings is not ours
  #retry: ReturnType<typeof setTimeout> | undefined;
  #pulse: ReturnType<typeof setTimeout> | undefined;
  #poll: ReturnType<typeof setTimeout> | undefined;
  #watching: { view: View; site?: string; ids: string[]; follower: ListFollower } | undefined;
  #watchTimer: ReturnType<typeof setTimeout> | undefined;
  #open = new Map<string, { seq: number; followers: Set<Follower> }>();
  #notices = new Set<(n: Notice) => void>();

  constructor(private outside: Outside) {}

  start(): void {
    if (this.link.value !== "off") return;
    this.link.value = "connecting";
    void this.#connect();
  }

  /** Ends it, and forgets what was told: the next to sign in begins anew. */
  stop(): void {
    this.#drop();
    this.link.value = "off";
    this.#cursor = "";
    this.#failures = this.#neverReady = 0;
    this.counts.value = undefined;
  }

  /** The network is back, or the page is looked at again: a waiting attempt is made now, and a quiet line is tried. */
  wake(): void {
    if (this.#retry !== undefined) {
      this.#failures = 0;
      void this.#connect();
    } else if (this.#wire) this.#ping(silenceMs / 2);
  }

  offline(): void {
    if (this.link.value === "off") return;
    this.#drop();
    this.link.value = "offline";
    this.#later(longestWaitMs);
  }

  /** Follows one list, in place of the one before. Say which rows are held with `hold`, after loading and scrolling. */
  list(view: View, site: string | undefined, follower: ListFollower): { hold(ids: readonly string[]): void; stop(): void } {
    const mine = { view, site, ids: [] as string[], follower };
    this.#watching = mine;
    this.#sendWatch();
    return {
      hold: (ids) => {
        mine.ids = ids.slice(0, 200);
        if (this.#watching !== mine || this.#watchTimer !== undefined) return;
        this.#watchTimer = setTimeout(() => {
          this.#watchTimer = undefined;
          this.#sendWatch();
        }, watchMs);
      },
      stop: () => {
        if (this.#watching !== mine) return;
        this.#watching = undefined;
        this.#sendWatch();
      },
    };
  }

  /** Follows one conversation from the change `after` on. */
  follow(conversation: string, after: number, follower: Follower): { stop(): void } {
    const followed = this.#open.get(conversation) ?? { seq: after, followers: new Set<Follower>() };
    followed.seq = Math.min(followed.seq, after);
    followed.followers.add(follower);
    this.#open.set(conversation, followed);
    this.#send({ type: "open", conversation, after });
    if (this.link.value === "polling") this.#pollSoon(0);
    return {
      stop: () => {
        followed.followers.delete(follower);
        if (followed.followers.size > 0 || this.#open.get(conversation) !== followed) return;
        this.#open.delete(conversation);
        this.#send({ type: "leave", conversation });
      },
    };
  }

  read(conversation: string, seq: number): void {
    this.#send({ type: "read", conversation, seq });
  }

  typing(conversation: string, on: boolean, note = false): void {
    this.#send({ type: "typing", conversation, on, ...(note ? { note } : {}) });
  }

  onNotice(run: (n: Notice) => void): () => void {
    this.#notices.add(run);
    return () => this.#notices.delete(run);
  }

  #drop(): void {
    this.#round++;
    for (const t of [this.#retry, this.#pulse, this.#poll, this.#watchTimer]) clearTimeout(t);
    this.#retry = this.#pulse = this.#poll = this.#watchTimer = undefined;
    const wire = this.#wire;
    this.#wire = undefined;
    if (!wire) return;
    wire.onmessage = wire.onclose = null;
    wire.close();
  }

  async #connect(): Promise<void> {
    const polling = this.link.value === "polling";
    const poll = this.#poll;
    this.#poll = undefined; // polling goes on beside an attempt
    this.#drop();
    this.#poll = poll;
    const round = this.#round;
    let ticket: string;
    try {
      ticket = await this.outside.ticket();
    } catch (err) {
      if (round === this.#round) this.#refused(err);
      return;
    }
    if (round !== this.#round) return;
    let ready = false;
    const over = (): void => {
      this.#neverReady = ready ? 0 : this.#neverReady + 1;
      if (this.#neverReady >= blockedAfter || (polling && !ready)) this.#startPolling();
      else this.#lost();
    };
    let wire: Wire;
    try {
      wire = this.outside.connect(ticket, this.#cursor);
    } catch {
      return over(); // a policy of the page or the browser forbids sockets
    }
    this.#wire = wire;
    wire.onmessage = (e) => {
      const frame = JSON.parse(e.data) as Frame;
      if (frame.type === "ready") {
        ready = true;
        this.#isReady(frame);
      }
      this.#take(frame);
      if (this.#wire === wire) this.#breathe();
    };
    wire.onclose = over;
    this.#breathe();
  }

  #isReady(frame: { resumed: boolean }): void {
    const again = this.#cursor !== "";
    clearTimeout(this.#poll);
    this.#poll = undefined;
    this.#failures = this.#neverReady = 0;
    this.link.value = "live";
    this.#sendWatch();
    for (const [conversation, { seq }] of this.#open) this.#send({ type: "open", conversation, after: seq });
    if (again && !frame.resumed) this.#watching?.follower.reset();
  }

  #take(frame: Frame): void {
    if ("cursor" in frame && frame.cursor) this.#cursor = frame.cursor;
    switch (frame.type) {
      case "conversations":
        if (frame.counts) this.counts.value = frame.counts;
        if (frame.items?.length || frame.gone?.length || frame.more)
          this.#watching?.follower.changed({ items: frame.items ?? [], gone: frame.gone ?? [], more: frame.more ?? false });
        return;
      case "reset":
        return this.#watching?.follower.reset();
      case "conversation":
        return this.#told(frame.id, { messages: frame.messages ?? [], state: frame.state }, frame.seq);
      case "presence":
        return this.#each(frame.conversation, (f) => f.presence?.(frame.staff));
      case "typing":
        return this.#each(frame.conversation, (f) => f.typing?.(frame.on));
      case "notice":
        for (const run of this.#notices) run(frame);
        return;
      case "error":
        if (frame.conversation) this.#each(frame.conversation, (f) => f.failed?.(frame.kind));
        return;
      case "denied":
        this.stop();
        return this.outside.denied(frame.reason);
      case "reconnect":
        // Everybody is told at once: they come back spread over as long again.
        this.#drop();
        this.link.value = "lost";
        return this.#later(frame.after_ms * (1 + this.outside.random()));
    }
  }

  #told(id: string, news: ConversationNews, seq: number | undefined): void {
    const followed = this.#open.get(id);
    if (!followed) return;
    followed.seq = Math.max(followed.seq, seq ?? 0);
    this.#each(id, (f) => f.changed(news));
  }

  #each(id: string, run: (f: Follower) => void): void {
    for (const f of this.#open.get(id)?.followers ?? []) run(f);
  }

  #refused(err: unknown): void {
    const status = err instanceof ApiError ? err.status : 0;
    // Not signed in, or no right to it: whoever changes that starts us again.
    if (status === 401 || status === 403) return this.stop();
    if (status === 404 || status === 405) return this.#startPolling(); // behind a proxy that knows nothing of sockets, or an older server
    if (err instanceof ApiError && err.retryAfterMs > 0) {
      this.link.value = "lost";
      return this.#later(err.retryAfterMs * (1 + this.outside.random()));
    }
    this.#lost();
  }

  #lost(): void {
    this.#drop();
    this.link.value = this.#failures === 0 && this.link.value === "connecting" ? "connecting" : "lost";
    const most = Math.min(longestWaitMs, firstWaitMs * 2 ** (this.#failures + 1));
    this.#failures++;
    this.#later(firstWaitMs + this.outside.random() * (most - firstWaitMs));
  }

  #later(ms: number): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      void this.#connect();
    }, ms);
  }

  /** Something came or went: the next ping is due a while from now. */
  #breathe(): void {
    clearTimeout(this.#pulse);
    this.#pulse = setTimeout(() => this.#ping(silenceMs), pingMs);
  }

  #ping(within: number): void {
    this.#send({ type: "ping" });
    clearTimeout(this.#pulse);
    this.#pulse = setTimeout(() => this.#lost(), within);
  }

  #send(frame: object): void {
    if (this.link.value === "live") this.#wire?.send(JSON.stringify(frame));
  }

  #sendWatch(): void {
    const w = this.#watching;
    this.#send(w ? { type: "watch", view: w.view, site: w.site, ids: w.ids } : { type: "watch" });
    if (this.link.value === "polling") this.#pollSoon(0);
  }

  // Without a socket: the same news, by asking.

  #startPolling(): void {
    const already = this.#poll !== undefined;
    const poll = this.#poll;
    this.#poll = undefined;
    this.#drop();
    this.#poll = poll;
    this.link.value = "polling";
    this.#later(socketAgainMs * (1 + this.outside.random()));
    if (!already) this.#pollSoon(0);
  }

  #pollSoon(ms: number): void {
    clearTimeout(this.#poll);
    this.#poll = setTimeout(() => void this.#ask(), ms);
  }

  async #ask(): Promise<void> {
    const mine = this.#poll;
    try {
      await this.#askList();
      for (const [id, followed] of this.#open) {
        const page = await this.outside.messages(id, followed.seq);
        if (page.messages.length > 0) this.#told(id, { messages: page.messages, state: await this.outside.conversation(id) }, page.seq);
      }
      if (mine === this.#poll) this.#pollSoon(pollMs);
    } catch (err) {
      if (mine !== this.#poll) return;
      clearTimeout(this.#poll);
      this.#poll = undefined;
      this.#refused(err);
    }
  }

  async #askList(): Promise<void> {
    const w = this.#watching;
    const waiting = await this.outside.list("queue", undefined);
    const known = this.counts.value;
    this.counts.value = { mine: known?.mine ?? 0, bot: known?.bot ?? 0, all: known?.all ?? 0, queue: waiting.items.length };
    if (!w) return;
    const page = w.view === "queue" && !w.site ? waiting : await this.outside.list(w.view, w.site);
    if (w !== this.#watching) return;
    const there = new Set(page.items.map((c) => c.id));
    // Of a list with more pages, a row that is not on the first may still be on a later one.
    const gone = page.next ? [] : w.ids.filter((id) => !there.has(id));
    w.follower.changed({ items: page.items, gone, more: false });
  }
}

let onDenied: Outside["denied"] = () => undefined;
/** What the shell does when the server ends the connection on purpose. */
export function whenDenied(run: Outside["denied"]): void {
  onDenied = run;
}

const queries: Record<View, { owner?: string; mine?: 1 }> = { mine: { mine: 1 }, queue: { owner: "queue" }, bot: { owner: "bot" }, agent: { owner: "agent" }, closed: { owner: "closed" }, all: {} };

/** The one of this page. */
export const live = new Live({
  ticket: async () => (await api.staffTicket()).ticket,
  connect: (ticket, after) => {
    const query = new URLSearchParams({ ticket, ...(after ? { after } : {}) });
    return new WebSocket(`${location.origin.replace(/^http/, "ws")}/v1/staff/socket?${query}`);
  },
  list: (view, site) => api.conversations({ ...queries[view], site, limit: 200 }),
  messages: (conversation, after) => api.messages(conversation, after, 0),
  conversation: (id) => api.conversation(id),
  denied: (reason) => onDenied(reason),
  random: Math.random,
});
