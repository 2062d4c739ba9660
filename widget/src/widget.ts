import { Connection, Refusal, type Environment, type Status } from "./connection";
import { dress, watchLanguage, watchTheme } from "./look";
import type { Rating } from "./message";
import { Outbox, type Store } from "./outbox";
import { Panel, type View } from "./panel";
import type { Localized, Owner } from "./protocol";
import { languageOf, translator, type Language } from "./texts";
import { Transcript } from "./transcript";
import { HttpWire } from "./wire";

export interface Options {
  base: string;
  site: string;
  language?: string;
  theme?: string;
  accent?: string;
  identity?: string;
  open?: boolean;
  styles: string[];
}

/** What the host page may do, as window.Frontdesk. */
export interface Api {
  open(): void;
  close(): void;
  hide(): void;
  show(): void;
  setLanguage(language: string): void;
  setTheme(theme: string): void;
  /** Says who the customer is, by a token that the host's server signed. */
  identify(identity: string): void;
}

declare global {
  interface Window {
    Frontdesk?: Api;
  }
}

const browser: Environment = {
  timer: (ms, run) => {
    const id = setTimeout(run, ms);
    return () => clearTimeout(id);
  },
  random: Math.random,
  now: Date.now,
};

/** Puts the widget into the page and returns the handle to it. */
export function mount(options: Options): Api {
  const host = document.createElement("frontdesk-widget");
  const root = host.attachShadow({ mode: "open" });
  dress(root, options.styles, options.accent);

  const wire = new HttpWire({ ...options, speaks: () => view.language });
  const transcript = new Transcript();
  const outbox = new Outbox(storage("sessionStorage"), `frontdesk:${options.site}:outbox`);
  const ratings = new Map<number, Rating>();
  let seen = 0; // the newest seq the customer had before their eyes
  let conversation = "";
  let quiet: (() => void) | undefined;
  let drawing = 0;
  const view: View = {
    language: "zh",
    title: "",
    greeting: "",
    suggestions: [],
    open: true,
    status: "idle",
    owner: "bot",
    typing: undefined,
    messages: [],
    pending: [],
    unread: 0,
    isOpen: false,
  };
  let texts: Record<string, Localized> = {};

  const draw = (): void => {
    drawing = 0;
    const messages = transcript.messages;
    const newest = messages[messages.length - 1]?.seq ?? 0;
    if (view.isOpen && document.visibilityState === "visible") seen = Math.max(seen, newest);
    const inTranscript = new Set(messages.map((m) => m.clientId));
    view.messages = messages;
    view.pending = outbox.all.filter((p) => !inTranscript.has(p.clientId));
    view.unread = messages.filter((m) => m.seq > seen && m.from !== "customer" && !m.recalled).length;
    view.title = texts.title?.[view.language] ?? siteName[view.language] ?? siteName.zh ?? "";
    view.greeting = texts.greeting?.[view.language] ?? "";
    view.suggestions = (texts.suggestions?.[view.language] ?? "").split("\n").filter(Boolean);
    panel.show({ ...view });
  };
  // Bursts of changes become one drawing; a hidden page has no frames, so a timer does it there.
  const changed = (): void => {
    if (drawing) return;
    drawing = 1;
    if (document.visibilityState === "visible") requestAnimationFrame(draw);
    else setTimeout(draw, 50);
  };
  let siteName: Localized = {};

  const connection = new Connection(wire, transcript, outbox, browser, {
    status: (s: Status) => {
      view.status = s;
      changed();
    },
    session: (s) => {
      if (conversation && conversation !== s.conversation) {
        transcript.clear();
        seen = 0;
      }
      conversation = s.conversation;
      siteName = s.name;
      texts = s.texts;
      view.open = s.open;
      if (s.colour && !options.accent) dress(root, options.styles, s.colour);
      seen = Math.max(seen, recall());
      changed();
    },
    owner: (o: Owner, position, agent) => {
      view.owner = o;
      view.position = position;
      view.agent = agent;
      changed();
    },
    typing: (from, on) => {
      quiet?.();
      view.typing = on && (from === "bot" || from === "agent") ? from : undefined;
      if (view.typing) {
        quiet = browser.timer(6000, () => {
          view.typing = undefined;
          changed();
        });
      }
      changed();
    },
    changed: () => {
      const last = transcript.messages[transcript.messages.length - 1];
      if (last && last.from !== "customer" && last.from === view.typing) view.typing = undefined;
      changed();
    },
  });

  const remember = (): void => {
    if (conversation) storage("localStorage").setItem(`frontdesk:${options.site}:seen`, `${conversation} ${seen}`);
  };
  const recall = (): number => {
    const [of, n] = (storage("localStorage").getItem(`frontdesk:${options.site}:seen`) ?? "").split(" ");
    return of === conversation ? Number(n) || 0 : 0;
  };
  const say = (text: string): void => {
    outbox.add(newId(), { text }, Date.now());
    connection.flush();
    draw();
  };
  const human = (): void => {
    connection.start();
    void wire.human().catch((err: unknown) => {
      // Asking in words does the same, and the outbox brings it there later.
      if (!(err instanceof Refusal) || err.passing || err.sessionLost) say(translator(view.language)("askPerson"));
    });
  };
  const setOpen = (open: boolean): void => {
    if (view.isOpen === open) return;
    view.isOpen = open;
    if (open) connection.start();
    draw();
    remember();
  };

  const panel: Panel = new Panel(
    {
      open: () => setOpen(!view.isOpen),
      close: () => setOpen(false),
      human,
      text: say,
      picture: async (file) => {
        const attachment = await wire.upload(file);
        outbox.add(newId(), { parts: [{ kind: "image", attachment }] }, Date.now());
        connection.flush();
      },
      typing: (on) => connection.typing(on),
    },
    {
      say,
      human,
      retry: (id) => {
        outbox.retry(id);
        connection.flush();
        draw();
      },
      rate: (seq, solved, reason) => {
        ratings.set(seq, { solved, reason });
        draw();
        void wire.rate(seq, solved, reason).catch(() => {
          ratings.delete(seq);
          changed();
        });
      },
      rating: (seq) => ratings.get(seq),
      picture: (a) => wire.picture(a),
    },
  );
  root.append(panel.el);

  watchLanguage(options.language, (tag) => {
    view.language = languageOf(tag) satisfies Language;
    changed();
  });
  const setTheme = watchTheme(host, options.theme);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "visible") return remember();
    connection.wake();
    changed();
  });
  addEventListener("online", () => connection.wake());
  addEventListener("offline", () => connection.offline());
  addEventListener("pagehide", remember);

  draw();
  document.body.append(host);
  // Somebody who talked before is connected at once, for the unread count; a new visitor when the panel opens.
  if (wire.known || outbox.all.length > 0) connection.start();
  if (options.open) setOpen(true);

  return {
    open: () => setOpen(true),
    close: () => setOpen(false),
    hide: () => (host.hidden = true),
    show: () => (host.hidden = false),
    setLanguage: (language) => {
      view.language = languageOf(language);
      changed();
    },
    setTheme,
    identify: (identity) => {
      wire.identify(identity);
      connection.reset();
      if (view.isOpen || wire.known) connection.start();
    },
  };
}

/** The page's storage, or one that keeps nothing where the browser forbids it. */
function storage(which: "localStorage" | "sessionStorage"): Store {
  try {
    return window[which];
  } catch {
    return { getItem: () => null, setItem: () => undefined };
  }
}

/** crypto.randomUUID exists in secure contexts only; a shop on plain http gets ids as good. */
function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}
