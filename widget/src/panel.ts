import { Composer, type ComposerEvents } from "./composer";
import { h, icon, Keyed, setText, tool } from "./dom";
import { entries } from "./items";
import { Viewer } from "./pictures";
import type { Owner } from "./protocol";
import type { Scene, View } from "./scene";
import { keepFocus, sheet } from "./sheet";
import { back, translator, type Translate } from "./texts";

export interface PanelEvents extends ComposerEvents {
  toggle(): void;
  close(): void;
}

/** What the panel's drawing takes from outside; it adds language and words. */
export type PanelScene = Omit<Scene, "t" | "language" | "pictures"> & { pictures: Omit<Scene["pictures"], "view"> };

/** Bubble and panel inside the shadow root. */
export class Panel {
  readonly el: HTMLElement;
  readonly composer: Composer;
  private launcher: HTMLButtonElement;
  private badge = h("span", { class: "badge", hidden: true });
  private mark = h("div", { class: "mark", "aria-hidden": "true" });
  private title = h("h2", { dir: "auto" });
  private status = h("p", { class: "status", role: "status" });
  private banner = h("p", { class: "banner", role: "status" });
  private person: HTMLButtonElement;
  private personWord = h("span");
  private minimise: HTMLButtonElement;
  private log: HTMLElement;
  private list = h("div", { class: "items" });
  private items = new Keyed(this.list);
  private top = h("div", { class: "top", hidden: true });
  private typing = h("div", { class: "typing", hidden: true, "aria-live": "off" }, h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")), h("span"));
  private jump: HTMLButtonElement;
  private wait = h("div", { class: "wait", role: "status" });
  private window: HTMLElement;
  private viewer = new Viewer();
  private sheet: ReturnType<typeof sheet>;
  private sizes: ResizeObserver;
  private atEnd = true;
  private opener: HTMLElement | undefined;
  private shown: View | undefined;

  constructor(
    on: PanelEvents,
    private scene: PanelScene,
  ) {
    this.composer = new Composer(on);
    this.launcher = h("button", { type: "button", class: "launcher", "aria-expanded": "false", onclick: () => on.toggle() }, icon("chat"), icon("close"), this.badge);
    this.person = h("button", { type: "button", class: "person", onclick: () => this.scene.human() }, icon("person"), this.personWord);
    this.minimise = tool("close", "", () => on.close());
    this.log = h("div", { class: "log", role: "log", "aria-live": "polite", tabindex: "0", onscroll: () => this.scrolled() }, this.top, this.list, this.typing);
    this.jump = h("button", { type: "button", class: "jump", hidden: true, onclick: () => this.toEnd() }, icon("down"), h("span"));
    this.window = h(
      "section",
      { class: "panel", role: "dialog", tabindex: "-1", hidden: true },
      h("div", { class: "head" }, this.mark, h("div", { class: "who" }, this.title, this.status), this.person, this.minimise),
      this.banner,
      h("div", { class: "scroll" }, this.log, this.jump),
      this.wait,
      this.composer.el,
    );
    this.droppable();
    this.viewer.el.addEventListener("keydown", (e) => keepFocus(this.viewer.el, e));
    this.el = h("div", { class: "root" }, this.window, this.launcher, this.viewer.el);
    this.el.addEventListener("keydown", (e) => this.escape(e, on));
    // The host's shortcuts must not act on what is typed here: to its page our input looks like a plain element.
    for (const type of ["keydown", "keyup", "keypress"]) this.el.addEventListener(type, (e) => e.stopPropagation());
    this.sheet = sheet(this.el, this.window, () => this.atEnd && this.toEnd());
    // A box that grew, a picture that arrived or a keyboard that came up must not push the newest words out of sight.
    this.sizes = new ResizeObserver(() => this.atEnd && this.toEnd());
    this.sizes.observe(this.log);
    this.sizes.observe(this.list);
  }

  destroy(): void {
    this.sizes.disconnect();
    this.sheet.stop();
  }

  show(v: View): void {
    const t = translator(v.language);
    const before = this.shown;
    this.shown = v;
    this.label(v, t);
    this.head(v, t);
    setText(this.banner, v.trouble ? t(v.trouble) : "");
    this.waiting(v, t);
    const scene: Scene = { ...this.scene, t, language: v.language, pictures: { ...this.scene.pictures, view: (p, name, from) => this.viewer.open(p, name, from, t) } };
    this.olderState(v, t);
    const { scrollHeight, scrollTop } = this.log;
    this.items.update(entries(v, scene));
    // Older messages came in above: what is being read stays where it is.
    if (before && (v.messages[0]?.seq ?? 0) < (before.messages[0]?.seq ?? 0)) this.log.scrollTop = this.log.scrollHeight - scrollHeight + scrollTop;
    this.typing.hidden = !v.typing;
    if (v.typing) setText(this.typing.lastElementChild as HTMLElement, `${v.typing === "bot" ? t("aiAssistant") : v.agent || t("agent")} ${t("typing")}`);
    if (before?.isOpen !== v.isOpen) this.toggle(v.isOpen, before !== undefined);
    const last = v.messages[v.messages.length - 1];
    const news = last && before && last.seq > (before.messages[before.messages.length - 1]?.seq ?? 0);
    if (this.atEnd || (news && last.from === "customer") || (before && before.pending.length < v.pending.length)) this.toEnd();
    else if (news) setText(this.jump.lastElementChild as HTMLElement, t("newMessages"));
    this.jump.classList.toggle("news", !this.atEnd && (news === true || this.jump.classList.contains("news")));
  }

  private label(v: View, t: Translate): void {
    this.el.lang = v.language === "zh" ? "zh-CN" : "en";
    this.window.setAttribute("aria-label", v.title ? `${v.title} · ${t("panel")}` : t("panel"));
    this.log.setAttribute("aria-label", t("log"));
    this.minimise.setAttribute("aria-label", t("close"));
    this.minimise.title = t("close");
    setText(this.personWord, t("person"));
    if (!this.jump.lastElementChild?.textContent || this.jump.hidden) setText(this.jump.lastElementChild as HTMLElement, t("toNewest"));
    this.composer.label(t, ownerOf(v) === "closed" ? t("placeholderClosed") : v.placeholder || t("placeholder"), v.maxChars);
    this.badge.textContent = v.unread > 99 ? "99+" : String(v.unread);
    this.badge.hidden = v.unread === 0 || v.isOpen;
    this.launcher.setAttribute("aria-label", v.isOpen ? t("close") : v.unread > 0 ? t("openUnread", v.unread) : t("open"));
  }

  private head(v: View, t: Translate): void {
    setText(this.title, v.title || t("panel"));
    setText(this.status, statusText(v, t, this.scene.now()));
    this.status.dataset.owner = ownerOf(v);
    const mark = `${v.logo ?? ""} ${v.title}`;
    if (this.mark.dataset.of !== mark) {
      this.mark.dataset.of = mark;
      const letter = [...v.title][0] ?? "";
      this.mark.replaceChildren(letter || icon("chat"));
      if (v.logo) {
        const img = h("img", { src: v.logo, alt: "", referrerpolicy: "no-referrer", onload: () => this.mark.replaceChildren(img) });
      }
    }
    const asked = v.owner === "queue" || v.owner === "agent";
    // Not disabled: a button that vanishes from under the focus is worse than one that says why it has nothing to do.
    this.person.setAttribute("aria-disabled", String(asked));
    this.person.title = t(v.owner === "queue" ? "personWaiting" : v.owner === "agent" ? "personHere" : "personHint");
  }

  /** The place in the queue stays in sight above the box while the customer waits. */
  private waiting(v: View, t: Translate): void {
    const on = v.owner === "queue";
    this.wait.hidden = !on;
    if (!on) return;
    const open = v.queue?.open ?? v.open;
    const lines: string[] = [];
    if (!open) {
      lines.push(t("leftTitle"), v.opensAt ? t("leftOpens", back(v.opensAt, this.scene.now(), v.language)) : t("leftSoon"));
    } else {
      const place = v.queue ? (v.queue.position <= 1 ? t("waitNext") : t("waitPlace", v.queue.position - 1)) : t("statusQueue");
      const seconds = v.queue?.waitSeconds;
      const time = seconds === undefined ? "" : seconds < 60 ? t("waitSoon") : t("waitMinutes", Math.ceil(seconds / 60));
      lines.push([place, time].filter(Boolean).join(" · "), t("waitWrite"));
    }
    if (this.wait.dataset.said === lines.join("\n")) return;
    this.wait.dataset.said = lines.join("\n");
    this.wait.replaceChildren(icon("clock"), h("div", {}, h("strong", {}, lines[0]), h("span", {}, lines[1])));
  }

  private olderState(v: View, t: Translate): void {
    this.top.hidden = !v.more;
    const key = `${v.older} ${v.language}`;
    if (!v.more || this.top.dataset.of === key) return;
    this.top.dataset.of = key;
    if (v.older === "failed") this.top.replaceChildren(t("olderFailed"), h("button", { type: "button", class: "textual", onclick: () => this.scene.older() }, t("retry")));
    else this.top.replaceChildren(t("older"));
  }

  private toggle(open: boolean, moveFocus: boolean): void {
    const root = this.el.getRootNode() as ShadowRoot;
    if (open) this.opener = document.activeElement instanceof HTMLElement && document.activeElement !== root.host ? document.activeElement : undefined;
    else this.viewer.close();
    this.window.hidden = !open;
    this.el.classList.toggle("open", open);
    this.launcher.setAttribute("aria-expanded", String(open));
    this.sheet.open(open);
    if (open) {
      this.composer.fit();
      this.toEnd();
      // On a touch screen the focus would bring the keyboard up over what is to be read first.
      if (moveFocus) (matchMedia("(pointer: coarse)").matches ? this.window : this.composer.input).focus({ preventScroll: true });
    } else if (moveFocus) {
      (this.opener?.isConnected ? this.opener : this.launcher).focus({ preventScroll: true });
    }
  }

  private escape(e: KeyboardEvent, on: PanelEvents): void {
    if (e.key !== "Escape" || e.isComposing) return;
    e.preventDefault();
    if (this.viewer.isOpen) this.viewer.close();
    else if (this.shown?.isOpen) on.close();
  }

  private droppable(): void {
    let depth = 0;
    const holds = (e: DragEvent): boolean => e.dataTransfer?.types.includes("Files") ?? false;
    const mark = (change: number): void => {
      depth = Math.max(0, depth + change);
      this.window.classList.toggle("drop", depth > 0);
      this.window.dataset.drop = this.shown ? translator(this.shown.language)("dropHere") : "";
    };
    this.window.addEventListener("dragenter", (e) => holds(e) && mark(1));
    this.window.addEventListener("dragleave", (e) => holds(e) && mark(-1));
    this.window.addEventListener("dragover", (e) => holds(e) && e.preventDefault());
    this.window.addEventListener("drop", (e) => {
      if (!holds(e)) return;
      e.preventDefault();
      mark(-depth);
      this.composer.choose(e.dataTransfer?.files);
      this.composer.input.focus({ preventScroll: true });
    });
  }

  private scrolled(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.log;
    this.atEnd = scrollHeight - scrollTop - clientHeight < 40;
    this.jump.hidden = this.atEnd || scrollHeight - scrollTop - clientHeight < clientHeight;
    if (this.atEnd) this.jump.classList.remove("news");
    if (scrollTop < 200 && this.shown?.more && this.shown.older === "idle") this.scene.older();
  }

  private toEnd(): void {
    this.atEnd = true;
    this.jump.hidden = true;
    this.jump.classList.remove("news");
    this.log.scrollTop = this.log.scrollHeight;
  }
}

/** Who holds the conversation. One in which nothing was said yet has not ended: the bot waits for the first word. */
function ownerOf(v: View): Owner {
  return v.owner === "closed" && v.messages.length === 0 ? "bot" : v.owner;
}

function statusText(v: View, t: Translate, now: number): string {
  if (v.status === "connecting" && v.messages.length === 0) return t("connecting");
  const opens = v.opensAt ? back(v.opensAt, now, v.language) : "";
  switch (ownerOf(v)) {
    case "queue":
      if (v.queue?.open ?? v.open) return t("statusQueue");
      return opens ? t("statusLeft", opens) : t("statusLeftSoon");
    case "agent":
      return v.agent ? t("statusAgentName", v.agent) : t("statusAgent");
    case "closed":
      return t("statusClosed");
    case "bot":
      return !v.open && opens ? t("statusOpens", opens) : t("statusBot");
  }
}
