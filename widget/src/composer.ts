import { h, icon, setText, tool } from "./dom";
import { size } from "./parts";
import { pictureTypes } from "./uploads";
import type { Translate } from "./texts";

const maxBytes = 10 << 20;
const maxFiles = 6;
const nearEnd = 200; // characters left from which on they are counted

export interface ComposerEvents {
  text(text: string): void;
  file(file: File): void;
  typing(on: boolean): void;
  draft(text: string): void; // what is half written, to be kept over a reload
}

interface Chosen {
  file: File;
  url: string;
  el: HTMLElement;
}

/** Where the customer writes: Enter sends, Shift+Enter breaks the line, files come by button, paste or drop. */
export class Composer {
  readonly el: HTMLElement;
  readonly input: HTMLTextAreaElement;
  private preview = h("ul", { class: "preview", hidden: true });
  private problem = h("p", { class: "problem", role: "alert" });
  private counter = h("p", { class: "counter", "aria-live": "polite", hidden: true });
  private sendButton: HTMLButtonElement;
  private chosen: Chosen[] = [];
  private lastTyping = 0;
  private max = 4000;
  private t: Translate = (k) => k;
  private chooser = h("input", { type: "file", multiple: true, hidden: true, tabindex: "-1" });
  private attach: HTMLButtonElement;

  constructor(private on: ComposerEvents) {
    this.attach = tool("attach", "", () => this.chooser.click());
    this.input = h("textarea", {
      rows: "1",
      dir: "auto",
      enterkeyhint: "send",
      onkeydown: (e) => this.key(e as KeyboardEvent),
      oninput: () => this.edited(),
      onpaste: (e) => this.pasted(e as ClipboardEvent),
    });
    this.sendButton = h("button", { type: "submit", class: "send" }, icon("send"));
    this.chooser.addEventListener("change", () => {
      this.choose(this.chooser.files);
      this.chooser.value = "";
      this.input.focus({ preventScroll: true });
    });
    const submit = (e: Event): void => {
      e.preventDefault();
      this.submit();
    };
    const box = h("div", { class: "box" }, this.preview, h("div", { class: "row" }, this.attach, this.chooser, this.input, this.sendButton));
    this.el = h("form", { class: "composer", onsubmit: submit }, this.problem, box, this.counter);
    this.refresh();
  }

  label(t: Translate, placeholder: string, max: number): void {
    this.t = t;
    this.max = max;
    this.input.placeholder = placeholder;
    this.input.setAttribute("aria-label", placeholder);
    this.preview.setAttribute("aria-label", t("chosen"));
    for (const [el, key] of [[this.sendButton, "send"], [this.attach, "attach"], [this.chooser, "attach"]] as const) {
      el.setAttribute("aria-label", t(key));
      el.title = t(key);
    }
  }

  /** Puts back what was half written. */
  restore(text: string): void {
    this.input.value = text;
    this.input.setSelectionRange(text.length, text.length);
    this.fit();
    this.refresh();
  }

  /** Takes files to be sent, or says why one can't be. */
  choose(files: FileList | File[] | null | undefined): void {
    this.problem.textContent = "";
    for (const file of files ?? []) {
      if (this.chosen.length >= maxFiles) setText(this.problem, this.t("fileMost", maxFiles));
      else if (file.size > maxBytes) setText(this.problem, this.t("fileSize"));
      else if (file.size === 0) setText(this.problem, this.t("fileEmpty"));
      else this.add(file);
    }
    this.refresh();
  }

  private add(file: File): void {
    const picture = pictureTypes.includes(file.type);
    const url = picture ? URL.createObjectURL(file) : "";
    const remove = tool("cross", this.t("chosenRemove", file.name), () => {
      this.remove(entry);
      this.input.focus({ preventScroll: true });
    });
    const shown = picture ? h("img", { src: url, alt: "", onerror: (e) => (e.target as Element).replaceWith(icon("picture")) }) : icon("file");
    const el = h("li", { class: picture ? "chosen picture" : "chosen" }, shown, h("span", {}, h("bdi", {}, file.name), h("span", { class: "file-size" }, size(file.size))), remove);
    const entry: Chosen = { file, url, el };
    this.chosen.push(entry);
    this.preview.append(el);
  }

  private remove(entry: Chosen): void {
    if (entry.url) URL.revokeObjectURL(entry.url);
    this.chosen = this.chosen.filter((c) => c !== entry);
    entry.el.remove();
    this.problem.textContent = "";
    this.refresh();
  }

  private pasted(e: ClipboardEvent): void {
    const files = e.clipboardData?.files;
    if (!files?.length) return;
    e.preventDefault(); // a copied picture brings its address along as text
    this.choose(files);
  }

  private key(e: KeyboardEvent): void {
    // While a Chinese input method composes, Enter chooses a word (229 on browsers that say so only by code).
    if (e.key !== "Enter" || e.shiftKey || e.isComposing || e.keyCode === 229) return;
    e.preventDefault();
    this.submit();
  }

  private edited(): void {
    this.fit();
    this.refresh();
    this.on.draft(this.input.value);
    const now = Date.now();
    if (this.input.value && Math.abs(now - this.lastTyping) > 3000) {
      this.lastTyping = now;
      this.on.typing(true);
    }
  }

  /** Makes the box as high as what stands in it; a hidden one has no height to go by. */
  fit(): void {
    this.input.style.height = "auto";
    if (this.input.scrollHeight) this.input.style.height = `${Math.min(this.input.scrollHeight, 132)}px`;
  }

  private refresh(): void {
    const left = this.max - [...this.input.value.trim()].length;
    this.preview.hidden = this.chosen.length === 0;
    this.counter.hidden = left > nearEnd;
    this.counter.classList.toggle("over", left < 0);
    if (left <= nearEnd) setText(this.counter, left < 0 ? this.t("overLong", -left) : this.t("remaining", left));
    this.sendButton.disabled = left < 0 || (this.chosen.length === 0 && left === this.max);
  }

  private submit(): void {
    if (this.sendButton.disabled) return;
    this.problem.textContent = "";
    for (const entry of [...this.chosen]) {
      this.on.file(entry.file);
      this.remove(entry);
    }
    const text = this.input.value.trim();
    if (text) this.on.text(text);
    this.input.value = "";
    this.lastTyping = 0;
    this.on.draft("");
    this.fit();
    this.refresh();
  }
}
