import { Attention, countInTitle } from "./attention";
import { Connection, Refusal, type Environment, type Status } from "./connection";
import { Announcer, type HostEvents } from "./events";
import { inWords } from "./form";
import { dress, watchLanguage, watchTheme } from "./look";
import { Outbox } from "./outbox";
import { Panel } from "./panel";
import { PictureStore } from "./pictures";
import { inLanguage, readSession, type Form, type Localized, type Message, type Owner, type Page, type Queue, type Session } from "./protocol";
import type { Acts, Rating, Survey, View } from "./scene";
import { local, Shelf, tabStore } from "./store";
import { Tabs, type TabNews } from "./tabs";
import { languageOf, translator } from "./texts";
import { Transcript } from "./transcript";
import { Uploads } from "./uploads";
import { HttpWire, type Tracked } from "./wire";

export interface Options {
  base: string;
  site: string;
  language?: string;
  theme?: string;
  accent?: string;
  identity?: string;
  open?: boolean;
  side?: string; // left, else right
  tokens: string;
  styles: string;
}

const patienceMs = 2500; // a connection that is back by then was never gone, for the customer
const thinkingMs = 700; // an answer that takes longer shows that it is being worked on
const thinkingMax = 10_000;
const typingMs = 6000;
const surveyMaxAge = 24 * 3600_000; // how long after its end a chat is asked about
const trackedMax = 20;
const staleMs = 10 * 60_000; // after so long, opening hours are asked for again

const browser: Environment = {
  timer: (ms, run) => {
    const id = setTimeout(run, ms);
    return () => clearTimeout(id);
  },
  random: Math.random,
  now: Date.now,
};

/** The widget in a page: what it knows, and what it does about what happens. It draws through its panel. */
export class Widget {
  private host = document.createElement("frontdesk-widget");
  private root = this.host.attachShadow({ mode: "open" });
  private announcer = new Announcer();
  private attention: Attention;
  private transcript = new Transcript();
  private outbox: Outbox;
  private wire: HttpWire;
  private connection: Connection;
  private uploads: Uploads;
  private pictures: PictureStore;
  private tabs: Tabs;
  private panel: Panel;
  private language: ReturnType<typeof watchLanguage>;
  private theme: ReturnType<typeof watchTheme>;
  private timers = new Map<string, () => void>();
  private ratings = new Map<number, Rating>();
  private wanted = ""; // the page's language, as a tag
  private tracked: Tracked[] = [];
  private session: Session | undefined;
  private sessionAt = 0;
  private offset = 0; // the server's clock less this device's, milliseconds
  private wasLive = false;
  private agent: Localized = {};
  private typingName: Localized = {};
  private typedAfter = 0; // the newest message when somebody began to type
  private drawing = false;
  private gone = new AbortController();
  private view: View = {
    language: "zh",
    title: "",
    greeting: "",
    notice: "",
    suggestions: [],
    placeholder: "",
    known: false,
    open: true,
    opensAt: 0,
    maxChars: 4000,
    status: "idle",
    trouble: undefined,
    owner: "bot",
    agent: "",
    typing: undefined,
    messages: [],
    more: false,
    older: "idle",
    pending: [],
    survey: undefined,
    unread: 0,
    isOpen: false,
  };

  constructor(private options: Options) {
    const { site } = options;
    this.attention = new Attention(`frontdesk:${site}:seen`, this.announcer);
    this.outbox = new Outbox(tabStore(), `frontdesk:${site}:outbox`);
    this.wire = new HttpWire({ ...options, speaks: () => this.view.language, identityRefused: () => this.announcer.tell("identity", undefined) });
    this.connection = new Connection(this.wire, this.transcript, this.outbox, { ...browser, now: () => this.now() }, {
      status: (s) => this.status(s),
      session: (s) => this.opened(s),
      begun: (p) => this.begun(p),
      owner: (o, queue, agent) => this.owner(o, queue, agent),
      typing: (from, name, on) => this.typing(from, name, on),
      changed: () => this.changed(),
    });
    this.uploads = new Uploads(this.wire, this.outbox, new Shelf(`frontdesk:${site}`), browser, {
      ready: () => this.connection.status === "live" || this.connection.status === "polling",
      changed: () => this.changed(),
      uploaded: () => this.connection.flush(),
      expired: () => this.connection.expired(),
    });
    this.pictures = new PictureStore((a) => this.wire.bytes(a), (id, a) => this.uploads.file(id, a));
    this.tabs = new Tabs(site, (n) => this.heard(n));
    this.panel = new Panel(
      {
        toggle: () => this.setOpen(!this.view.isOpen),
        close: () => this.setOpen(false),
        text: (text) => this.say(text),
        file: (file) => this.send(file),
        typing: (on) => this.connection.typing(on),
        draft: (text) => tabStore().setItem(this.draftKey, text),
      },
      {
        ...this.acts(),
        now: () => this.now(),
        rating: (m) => this.ratings.get(m.seq) ?? (m.solved ? { solved: m.solved > 0, reason: m.solved < 0 ? "" : undefined } : undefined),
        progress: (id) => this.uploads.progress(id),
        pictures: { load: (a, id) => this.pictures.load(a, id), held: (id) => this.pictures.held(id) },
      },
    );
    this.panel.el.classList.toggle("left", options.side === "left");
    this.root.append(this.panel.el);
    dress(this.root, options.tokens, options.styles, options.accent);
    this.theme = watchTheme(this.panel.el, options.theme);
    this.language = watchLanguage(options.language, (tag) => {
      this.wanted = tag;
      this.speak();
    });
    this.panel.composer.restore(tabStore().getItem(this.draftKey) ?? "");
    this.remembered();
    this.listen();
    this.draw();
    // Beside the body, not in it: no transform or clean-up of the host's reaches us there.
    document.documentElement.append(this.host);
    // Somebody who talked before is connected at once, for the unread count; a new visitor when the panel opens.
    if (this.wire.known || this.outbox.all.length > 0) this.connection.start();
    if (options.open) this.setOpen(true);
  }

  private get draftKey(): string {
    return `frontdesk:${this.options.site}:draft`;
  }

  private now(): number {
    return Date.now() + this.offset;
  }

  private after(name: string, ms: number, run: () => void): void {
    this.cancel(name);
    this.timers.set(name, browser.timer(ms, run));
  }

  private cancel(name: string): void {
    this.timers.get(name)?.();
    this.timers.delete(name);
  }

  private listen(): void {
    const { signal } = this.gone;
    const visible = (): void => {
      if (document.visibilityState !== "visible") return;
      this.connection.wake();
      this.changed();
    };
    document.addEventListener("visibilitychange", visible, { signal });
    addEventListener("pageshow", (e) => e.persisted && visible(), { signal });
    addEventListener("online", () => this.connection.wake(), { signal });
    addEventListener("offline", () => this.connection.offline(), { signal });
  }

  // What the connection tells.

  private status(s: Status): void {
    this.view.status = s;
    if (s === "live" || s === "polling") {
      this.wasLive = true;
      this.view.trouble = undefined;
      this.cancel("trouble");
      this.uploads.start();
      for (const t of this.tracked.splice(0)) void this.wire.track(t).catch(() => undefined);
    } else if (s === "offline") {
      this.view.trouble = "offline";
    } else if (s === "waiting" || (s === "connecting" && this.wasLive)) {
      if (this.view.trouble === "offline") this.view.trouble = "reconnecting";
      else if (!this.timers.has("trouble")) {
        this.after("trouble", patienceMs, () => {
          this.view.trouble = "reconnecting";
          this.changed();
        });
      }
    }
    this.changed();
  }

  private opened(s: Session): void {
    if (this.session && this.session.conversation !== s.conversation) this.ratings.clear();
    this.site(s);
    this.sessionAt = Date.now();
    this.attention.begin(s.conversation);
    if (s.now) this.offset = s.now - Date.now();
    this.tabs.tell({ conversation: s.conversation });
    this.changed();
  }

  /** Takes the site's looks and words, from the server or from the last visit. */
  private site(s: Session): void {
    const before = this.session?.colour;
    this.session = s;
    this.view.known = true;
    this.view.open = s.open;
    this.view.opensAt = s.opensAt;
    this.view.maxChars = s.maxChars;
    if (s.colour !== before && !this.options.accent) dress(this.root, this.options.tokens, this.options.styles, s.colour);
    this.speak();
    const { conversation, name: names, colour, logo, texts, languages, maxChars: max_chars } = s;
    local.set(`frontdesk:${this.options.site}:look`, JSON.stringify({ conversation, site: { names, colour, logo, texts, languages, max_chars } }));
  }

  /** Speaks what the page speaks, if the site does; else the site's first language. */
  private speak(): void {
    const wanted = languageOf(this.wanted);
    const offered = this.session?.languages ?? [];
    this.view.language = offered.length === 0 || offered.includes(wanted) ? wanted : languageOf(offered[0]);
    this.changed();
  }

  /** The looks of the last visit, so that the panel opens with them at once. */
  private remembered(): void {
    const kept = local.get(`frontdesk:${this.options.site}:look`);
    if (!kept) return;
    try {
      const s = readSession({ ...(JSON.parse(kept) as object), token: "-" });
      if (s) this.site({ ...s, open: true, opensAt: 0 });
    } catch {
      // of an older version
    }
  }

  private begun(p: Page): void {
    const last = p.messages[p.messages.length - 1];
    this.attention.history(last?.seq ?? 0);
    const fresh = last !== undefined && this.now() - last.at < surveyMaxAge;
    this.view.survey = p.owner === "closed" && p.satisfaction === 0 && fresh ? { state: "ask" } : undefined;
  }

  private owner(o: Owner, queue: Queue | undefined, agent: Localized | undefined): void {
    const before = this.view.owner;
    this.view.owner = o;
    this.view.queue = o === "queue" ? queue : undefined;
    this.agent = o === "agent" ? (agent && Object.keys(agent).length > 0 ? agent : this.agent) : {};
    if (o === "closed" && before !== "closed" && this.transcript.messages.some((m) => m.from === "customer")) this.view.survey = { state: "ask" };
    if (o !== "closed") this.view.survey = undefined;
    if (o !== before) this.announcer.tell("owner", o);
    this.changed();
  }

  private typing(from: string, name: Localized, on: boolean): void {
    this.view.typing = on && (from === "bot" || from === "agent") ? from : undefined;
    this.typingName = name;
    this.typedAfter = this.transcript.messages[this.transcript.messages.length - 1]?.seq ?? 0;
    this.cancel("typing");
    if (this.view.typing) {
      this.after("typing", typingMs, () => {
        this.view.typing = undefined;
        this.changed();
      });
    }
    this.changed();
  }

  /** While the bot works on an answer, that is shown; an answer that comes at once needs no such thing. */
  private thinking(last: Message | undefined): void {
    const asked = last?.from === "customer" && this.view.owner !== "agent" && this.view.owner !== "queue" && this.now() - last.at < thinkingMax;
    if (last && last.from !== "customer" && last.seq > this.typedAfter) this.view.typing = undefined; // what was typed is here
    if (!asked) return this.cancel("thinking");
    if (this.timers.has("thinking")) return;
    this.after("thinking", thinkingMs, () => this.typing("bot", {}, true));
  }

  private heard(n: TabNews): void {
    const mine = this.session?.conversation;
    if (n.seen && n.seen.conversation === mine) this.attention.see(n.seen.seq);
    if (n.rated && n.rated.conversation === mine) this.ratings.set(n.rated.seq, n.rated);
    if (n.satisfied && n.satisfied.conversation === mine && this.view.survey) this.view.survey = { state: "done" };
    if (n.conversation && this.connection.status !== "idle" && mine && n.conversation !== mine) this.restart();
    this.changed();
  }

  // What is drawn.

  /** Bursts of changes become one drawing; a hidden page has no frames, so a timer does it there. */
  private changed(): void {
    if (this.drawing) return;
    this.drawing = true;
    if (document.visibilityState === "visible") requestAnimationFrame(() => this.draw());
    else setTimeout(() => this.draw(), 50);
  }

  private draw(): void {
    this.drawing = false;
    if (this.gone.signal.aborted) return;
    const { view, session } = this;
    const messages = this.transcript.messages;
    const last = messages[messages.length - 1];
    const inTranscript = new Set(messages.map((m) => m.clientId));
    view.messages = messages;
    view.more = this.transcript.more;
    view.pending = this.outbox.all.filter((p) => !inTranscript.has(p.clientId));
    const text = (name: string): string => session?.texts[name]?.[view.language] ?? ""; // else our own, in the customer's language
    view.title = text("title") || inLanguage(session?.name ?? {}, view.language);
    view.logo = session?.logo?.startsWith("/") ? this.options.base + session.logo : session?.logo;
    view.greeting = text("greeting");
    view.notice = text("notice");
    view.placeholder = text("placeholder");
    view.suggestions = text("suggestions").split("\n").filter(Boolean);
    this.thinking(last);
    const spoke = [...messages].reverse().find((m) => m.from === "agent");
    view.agent = inLanguage(view.typing === "agent" ? this.typingName : {}, view.language) || inLanguage(this.agent, view.language) || inLanguage(spoke?.name ?? {}, view.language);
    const watched = view.isOpen && document.visibilityState === "visible";
    if (watched && last && session && this.attention.see(last.seq)) this.tabs.tell({ seen: { conversation: session.conversation, seq: last.seq } });
    this.attention.count(messages);
    view.unread = this.attention.unread;
    this.panel.show({ ...view });
  }

  // What the customer does.

  private acts(): Acts {
    return {
      say: (text) => this.say(text),
      human: () => this.human(),
      retry: (id) => {
        this.outbox.retry(id);
        this.uploads.start();
        this.connection.flush();
        this.changed();
      },
      discard: (id) => this.uploads.cancel(id),
      edit: (id) => {
        const text = this.outbox.find(id)?.text ?? "";
        this.outbox.remove(id);
        this.panel.composer.restore([text, this.panel.composer.input.value].filter(Boolean).join("\n"));
        this.panel.composer.input.focus();
        this.changed();
      },
      rate: (seq, solved, reason) => this.rate(seq, solved, reason),
      satisfied: (score, comment) => this.satisfied(score, comment),
      submit: (seq, form, values) => this.submit(seq, form, values),
      older: () => this.older(),
    };
  }

  private say(text: string): void {
    this.outbox.add(newId(), { text }, this.now());
    this.connection.flush();
    this.draw();
  }

  private send(file: File): void {
    this.uploads.add(newId(), file, this.now());
    this.connection.start();
    this.draw();
  }

  private submit(seq: number, form: Form, values: Record<string, string>): void {
    const text = inWords(form, values, this.view.language === "zh" ? "：" : ": ");
    this.outbox.add(newId(), { text, form: { seq, id: form.id, values } }, this.now());
    this.connection.flush();
    this.draw();
  }

  private human(): void {
    if (this.view.owner === "queue" || this.view.owner === "agent") return;
    const ask = (): void => this.say(translator(this.view.language)("askPerson"));
    if (this.connection.status !== "live" && this.connection.status !== "polling") return ask(); // the outbox brings it there
    void this.wire.human().catch((err: unknown) => {
      if (!(err instanceof Refusal) || err.passing || err.sessionLost) ask();
    });
  }

  private rate(seq: number, solved: boolean, reason?: string): void {
    const conversation = this.session?.conversation ?? "";
    const before = this.ratings.get(seq);
    this.ratings.set(seq, { solved, reason });
    this.draw();
    void this.wire.rate(seq, solved, reason || undefined).then(
      () => this.tabs.tell({ rated: { conversation, seq, solved, reason } }),
      () => {
        if (before) this.ratings.set(seq, before);
        else this.ratings.delete(seq);
        this.changed();
      },
    );
  }

  private satisfied(score: number, comment: string): void {
    const set = (state: Survey["state"]): void => {
      if (this.view.survey) this.view.survey = { state };
      this.changed();
    };
    void this.wire.satisfied(score, comment).then(
      () => {
        set("done");
        this.tabs.tell({ satisfied: { conversation: this.session?.conversation ?? "" } });
      },
      (err: unknown) => set(err instanceof Refusal && err.status === 409 ? "done" : "failed"),
    );
  }

  private older(): void {
    if (this.view.older === "loading") return;
    this.view.older = "loading";
    this.connection.older().then(
      () => (this.view.older = "idle"),
      () => (this.view.older = "failed"),
    ).finally(() => this.changed());
    this.changed();
  }

  private setOpen(open: boolean): void {
    if (this.view.isOpen === open) return;
    this.view.isOpen = open;
    if (open) {
      this.connection.start();
      if (this.sessionAt && Date.now() - this.sessionAt > staleMs) this.refresh();
    }
    this.draw();
    this.announcer.tell(open ? "open" : "close", undefined);
  }

  /** Asks again for what changes with the hours. */
  private refresh(): void {
    this.sessionAt = Date.now();
    void this.wire.session().then(
      (s) => s.conversation === this.session?.conversation && this.opened(s),
      () => undefined,
    );
  }

  private restart(): void {
    this.connection.reset();
    if (this.view.isOpen || this.wire.known) this.connection.start();
  }

  // What the host page may do: see main.ts.

  open(text?: string): void {
    if (text && !this.panel.composer.input.value) this.panel.composer.restore(text);
    this.setOpen(true);
  }

  close(): void {
    this.setOpen(false);
  }

  setHidden(hidden: boolean): void {
    this.host.hidden = hidden;
  }

  setLanguage(tag: string): void {
    this.language.set(tag);
  }

  setTheme(theme: string): void {
    this.theme.set(theme);
  }

  identify(identity: string | undefined): void {
    this.wire.identify(identity);
    if (!identity) {
      this.wire.forget();
      this.transcript.clear(); // the next one at this screen is somebody else
    }
    this.restart();
  }

  track(name: string, data?: Tracked["data"]): void {
    const t: Tracked = { name, url: location.href, title: document.title, data };
    if (this.connection.status === "live" || this.connection.status === "polling") void this.wire.track(t).catch(() => undefined);
    else this.tracked = [...this.tracked, t].slice(-trackedMax); // nobody is tracked who never opens the chat
  }

  on<K extends keyof HostEvents>(event: K, listener: (value: HostEvents[K]) => void): () => void {
    return this.announcer.on(event, listener);
  }

  destroy(): void {
    this.gone.abort();
    this.connection.stop();
    for (const name of [...this.timers.keys()]) this.cancel(name);
    this.panel.destroy();
    this.language.stop();
    this.theme.stop();
    this.tabs.close();
    this.pictures.destroy();
    countInTitle(0);
    this.host.remove();
  }
}

/** crypto.randomUUID exists in secure contexts only; a shop on plain http gets ids as good. */
function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}
