import { Composer, type ComposerEvents } from "./composer";
import { h, icon, Keyed, type Entry } from "./dom";
import { draw, type Item, type Scene } from "./message";
import type { Status } from "./connection";
import type { Pending } from "./outbox";
import type { Message, Owner } from "./protocol";
import { translator, type Language, type TextKey } from "./texts";

/** All that is shown, in one value; the panel draws it and keeps nothing of its own but focus and scroll. */
export interface View {
  language: Language;
  title: string;
  greeting: string;
  suggestions: string[];
  open: boolean; // business hours
  status: Status;
  owner: Owner;
  position?: number;
  agent?: string;
  typing: "bot" | "agent" | undefined;
  messages: readonly Message[];
  pending: readonly Pending[];
  unread: number;
  isOpen: boolean;
}

export interface PanelEvents extends ComposerEvents {
  open(): void;
  close(): void;
  human(): void;
}

/** Bubble and panel inside the shadow root. */
export class Panel {
  readonly el: HTMLElement;
  readonly composer: Composer;
  private launcher: HTMLButtonElement;
  private badge = h("span", { class: "badge", hidden: true });
  private title = h("h2", {});
  private status = h("p", { class: "status", role: "status" });
  private banner = h("p", { class: "banner", role: "status" });
  private person: HTMLButtonElement;
  private personWord = h("span", {});
  private minimise: HTMLButtonElement;
  private log: HTMLElement;
  private items: Keyed;
  private typing: HTMLElement;
  private jump: HTMLButtonElement;
  private window: HTMLElement;
  private atEnd = true;
  private shown: View | undefined;

  constructor(
    on: PanelEvents,
    private scene: Omit<Scene, "t" | "language">,
  ) {
    this.composer = new Composer(on);
    this.launcher = h("button", { type: "button", class: "launcher", "aria-expanded": "false", onclick: () => on.open() }, icon("chat"), this.badge);
    this.person = h("button", { type: "button", class: "person", onclick: () => on.human() }, icon("person"), this.personWord);
    this.minimise = h("button", { type: "button", class: "tool", onclick: () => on.close() }, icon("close"));
    const list = h("div", { class: "items" });
    this.items = new Keyed(list);
    this.typing = h("div", { class: "typing", hidden: true }, h("i"), h("i"), h("i"), h("span"));
    this.log = h("div", { class: "log", role: "log", "aria-live": "polite", tabindex: "0", onscroll: () => this.scrolled() }, list, this.typing);
    this.jump = h("button", { type: "button", class: "jump", hidden: true, onclick: () => this.toEnd() }, icon("down"), h("span"));
    this.window = h(
      "section",
      {
        class: "panel",
        role: "dialog",
        hidden: true,
        onkeydown: (e) => (e as KeyboardEvent).key === "Escape" && on.close(),
        ondragover: (e) => e.preventDefault(),
        ondrop: (e) => {
          e.preventDefault();
          this.composer.choose((e as DragEvent).dataTransfer?.files);
        },
      },
      h("div", { class: "head" }, h("div", { class: "who" }, this.title, this.status), this.person, this.minimise),
      this.banner,
      h("div", { class: "scroll" }, this.log, this.jump),
      this.composer.el,
    );
    this.el = h("div", { class: "root" }, this.window, this.launcher);
    // A box that grew, a picture that arrived or a keyboard that came up must not push the newest words out of sight.
    const sizes = new ResizeObserver(() => this.atEnd && this.toEnd());
    sizes.observe(this.log);
    sizes.observe(list);
  }

  show(v: View): void {
    const t = translator(v.language);
    const before = this.shown;
    this.shown = v;
    if (before?.language !== v.language) this.label(t, v.language);
    this.title.textContent = v.title || t("panel");
    setText(this.status, statusText(v, t));
    this.status.dataset.owner = ownerOf(v);
    const trouble = troubleText(v.status);
    setText(this.banner, trouble ? t(trouble) : "");
    this.badge.textContent = v.unread > 99 ? "99+" : String(v.unread);
    this.badge.hidden = v.unread === 0;
    this.launcher.setAttribute("aria-label", v.unread > 0 ? t("openUnread", v.unread) : t("open"));
    this.person.disabled = v.owner === "queue" || v.owner === "agent";
    this.items.update(this.draw(v, { ...this.scene, t, language: v.language }));
    this.typing.hidden = !v.typing;
    if (v.typing) setText(this.typing.lastElementChild as HTMLElement, `${v.typing === "bot" ? t("aiAssistant") : (v.agent ?? t("agent"))} ${t("typing")}`);
    if (before?.isOpen !== v.isOpen) this.toggle(v.isOpen, before !== undefined);
    if (this.atEnd) this.toEnd();
    else if (before && before.messages.length < v.messages.length) this.jump.hidden = false;
  }

  private toggle(open: boolean, moveFocus: boolean): void {
    this.window.hidden = !open;
    this.el.classList.toggle("open", open);
    this.launcher.setAttribute("aria-expanded", String(open));
    if (open) {
      this.atEnd = true;
      if (moveFocus) this.composer.input.focus({ preventScroll: true });
    } else if (moveFocus) {
      this.launcher.focus({ preventScroll: true });
    }
  }

  private label(t: (key: TextKey) => string, language: Language): void {
    this.el.lang = language === "zh" ? "zh-CN" : "en";
    this.window.setAttribute("aria-label", t("panel"));
    this.log.setAttribute("aria-label", t("panel"));
    this.personWord.textContent = t("person");
    this.person.title = t("personHint");
    this.minimise.setAttribute("aria-label", t("close"));
    this.minimise.title = t("close");
    setText(this.jump.lastElementChild as HTMLElement, t("newMessages"));
    this.composer.label(t);
  }

  private draw(v: View, s: Scene): Entry[] {
    const said: { message: Message; pending?: Pending }[] = [
      ...v.messages.map((message) => ({ message })),
      ...v.pending.map((pending) => ({ message: asMessage(pending), pending })),
    ];
    const lastOwn = said.map((x) => x.message.from).lastIndexOf("customer");
    const out: Entry[] = [
      {
        key: "note",
        signature: v.language + v.greeting + String(v.open),
        make: () => {
          const greeting = h("div", { class: "bubble" }, h("p", {}, v.greeting || s.t("greeting")));
          return h("div", { class: "msg bot first" }, h("p", { class: "note" }, s.t(v.open ? "aiNote" : "closedNote")), senderOf(s), h("div", { class: "body" }, greeting));
        },
      },
    ];
    if (said.length === 0 && v.suggestions.length > 0) {
      out.push({
        key: "suggestions",
        signature: v.language + v.suggestions.join("\n"),
        make: () => h("div", { class: "msg" }, h("div", { class: "choices" }, ...v.suggestions.map((q) => h("button", { type: "button", class: "choice", onclick: () => s.say(q) }, q)))),
      });
    }
    let previous: Message | undefined;
    said.forEach(({ message, pending }, i) => {
      const gap = !previous || message.at - previous.at > 5 * 60_000;
      if (gap && message.at > 0) {
        out.push({ key: `t${message.seq || pending?.clientId}`, signature: v.language, make: () => h("p", { class: "when" }, when(message.at, v.language)) });
      }
      const item: Item = { message, pending, first: gap || previous?.from !== message.from, latest: i > lastOwn, receipt: i === lastOwn };
      out.push({
        // A message keeps its element when it turns from pending to sent: same client id, same key.
        key: message.clientId ? `c${message.clientId}` : `m${message.seq}`,
        signature: JSON.stringify([message.change, message.recalled, pending?.state, pending?.reason, item.first, item.latest, item.receipt, s.rating(message.seq), v.language]),
        make: () => draw(item, s),
      });
      previous = message;
    });
    return out;
  }

  private scrolled(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.log;
    this.atEnd = scrollHeight - scrollTop - clientHeight < 40;
    if (this.atEnd) this.jump.hidden = true;
  }

  private toEnd(): void {
    this.atEnd = true;
    this.jump.hidden = true;
    this.log.scrollTop = this.log.scrollHeight;
  }
}

function senderOf(s: Scene): HTMLElement {
  return h("div", { class: "sender bot" }, icon("bot"), h("span", {}, s.t("aiAssistant")), h("abbr", { class: "ai", title: s.t("aiNote") }, s.t("ai")));
}

function asMessage(p: Pending): Message {
  const parts = p.parts ?? [{ kind: "text", text: p.text ?? "" }];
  return { seq: 0, change: 0, from: "customer", clientId: p.clientId, text: p.text ?? "", parts, at: p.at, revised: false, recalled: false };
}

/** Who holds the conversation. One in which nothing was said yet has not ended: the bot waits for the first word. */
function ownerOf(v: View): Owner {
  return v.owner === "closed" && v.messages.length === 0 ? "bot" : v.owner;
}

function statusText(v: View, t: (key: TextKey, n?: number) => string): string {
  if (v.status === "connecting" && v.messages.length === 0) return t("connecting");
  switch (ownerOf(v)) {
    case "queue":
      if (v.position === undefined) return t("statusQueue");
      return v.position <= 1 ? t("statusNext") : t("statusPosition", v.position - 1);
    case "agent":
      return t("statusAgent");
    case "closed":
      return t("statusClosed");
    case "bot":
      return t("statusBot");
  }
}

function troubleText(s: Status): TextKey | undefined {
  if (s === "offline") return "offline";
  if (s === "waiting") return "reconnecting";
  return undefined;
}

function when(at: number, language: Language): string {
  const locale = language === "zh" ? "zh-CN" : "en";
  const today = new Date(at).toDateString() === new Date().toDateString();
  const clock: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit" };
  return new Date(at).toLocaleString(locale, today ? clock : { month: "short", day: "numeric", ...clock });
}

/** Live regions announce on change only, so the same text is not set twice. */
function setText(el: HTMLElement, text: string): void {
  if (el.textContent !== text) el.textContent = text;
}
