import { h, icon } from "./dom";
import type { TextKey } from "./texts";

const maxPicture = 10 << 20;
const maxText = 4000;
const pictureTypes = ["image/png", "image/jpeg", "image/gif", "image/webp"];

export interface ComposerEvents {
  text(text: string): void;
  picture(file: File): Promise<void>; // rejects when the upload failed; the picture then stays to be sent again
  typing(on: boolean): void;
}

/** Where the customer writes: Enter sends, Shift+Enter breaks the line, pictures come by button, paste or drop. */
export class Composer {
  readonly el: HTMLElement;
  readonly input: HTMLTextAreaElement;
  private preview = h("div", { class: "preview", hidden: true });
  private problem = h("p", { class: "problem", role: "alert" });
  private sendButton: HTMLButtonElement;
  private chosen: { file: File; url: string } | undefined;
  private busy = false;
  private lastTyping = 0;
  private t: (key: TextKey) => string = (k) => k;

  private chooser = h("input", { type: "file", accept: pictureTypes.join(","), hidden: true, tabindex: "-1" });
  private pictureButton = h("button", { type: "button", class: "tool", onclick: () => this.chooser.click() }, icon("picture"));

  constructor(private on: ComposerEvents) {
    this.input = h("textarea", {
      rows: "1",
      dir: "auto",
      maxlength: String(maxText),
      enterkeyhint: "send",
      onkeydown: (e) => this.key(e as KeyboardEvent),
      oninput: () => this.edited(),
      onpaste: (e) => this.choose((e as ClipboardEvent).clipboardData?.files),
    });
    this.sendButton = h("button", { type: "submit", class: "send" }, icon("send"));
    this.chooser.addEventListener("change", () => {
      this.choose(this.chooser.files);
      this.chooser.value = "";
    });
    this.el = h(
      "form",
      {
        class: "composer",
        onsubmit: (e) => {
          e.preventDefault();
          void this.submit();
        },
      },
      this.preview,
      this.problem,
      h("div", { class: "row" }, this.pictureButton, this.chooser, this.input, this.sendButton),
    );
    this.refresh();
  }

  label(t: (key: TextKey) => string): void {
    this.t = t;
    this.input.placeholder = t("placeholder");
    this.input.setAttribute("aria-label", t("placeholder"));
    for (const [el, key] of [[this.sendButton, "send"], [this.pictureButton, "picture"], [this.chooser, "picture"]] as const) {
      el.setAttribute("aria-label", t(key));
      el.title = t(key);
    }
  }

  /** Takes the first of the files as the picture to send, or says why it can't be. */
  choose(files: FileList | null | undefined): void {
    const file = files?.[0];
    if (!file) return;
    this.problem.textContent = "";
    if (!pictureTypes.includes(file.type)) this.problem.textContent = this.t("pictureType");
    else if (file.size > maxPicture) this.problem.textContent = this.t("pictureSize");
    else {
      this.clearPicture();
      this.chosen = { file, url: URL.createObjectURL(file) };
      this.preview.replaceChildren(
        h("img", { src: this.chosen.url, alt: file.name }),
        h("span", {}, file.name),
        h("button", { type: "button", class: "tool", "aria-label": this.t("pictureRemove"), onclick: () => this.clearPicture() }, icon("cross")),
      );
      this.preview.hidden = false;
    }
    this.refresh();
  }

  private clearPicture(): void {
    if (this.chosen) URL.revokeObjectURL(this.chosen.url);
    this.chosen = undefined;
    this.preview.replaceChildren();
    this.preview.hidden = true;
    this.refresh();
  }

  private key(e: KeyboardEvent): void {
    // While a Chinese input method composes, Enter chooses a word (229 on browsers that say so only by code).
    if (e.key !== "Enter" || e.shiftKey || e.isComposing || e.keyCode === 229) return;
    e.preventDefault();
    void this.submit();
  }

  private edited(): void {
    this.input.style.height = "auto";
    this.input.style.height = `${Math.min(this.input.scrollHeight, 120)}px`;
    this.refresh();
    const now = Date.now();
    if (now - this.lastTyping > 3000) {
      this.lastTyping = now;
      this.on.typing(this.input.value !== "");
    }
  }

  private refresh(): void {
    this.sendButton.disabled = this.busy || (!this.chosen && this.input.value.trim() === "");
  }

  private async submit(): Promise<void> {
    if (this.busy) return;
    this.problem.textContent = "";
    const text = this.input.value.trim();
    if (text) {
      this.on.text(text);
      this.input.value = "";
      this.lastTyping = 0;
      this.input.style.height = "auto";
    }
    if (this.chosen) {
      this.busy = true;
      this.preview.classList.add("busy");
      this.problem.textContent = this.t("uploading");
      this.refresh();
      try {
        await this.on.picture(this.chosen.file);
        this.clearPicture();
        this.problem.textContent = "";
      } catch (err) {
        this.problem.textContent = (err instanceof Error && err.message) || this.t("failed");
      }
      this.busy = false;
      this.preview.classList.remove("busy");
    }
    this.refresh();
  }
}
