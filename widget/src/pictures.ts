import { h, icon, tool } from "./dom";
import type { Attachment } from "./protocol";
import type { Picture } from "./scene";
import type { Translate } from "./texts";

/** An element that shows a picture. Where the page's policy allows no blob: pictures, it is painted instead. */
export function imageOf(p: Picture, alt: string): HTMLElement {
  const frame = h("span", { class: "image" });
  const img = h("img", { alt, decoding: "async" });
  img.onerror = () => {
    void createImageBitmap(p.blob).then(
      (bits) => {
        const canvas = h("canvas", { role: "img", "aria-label": alt });
        canvas.width = bits.width;
        canvas.height = bits.height;
        canvas.getContext("2d")?.drawImage(bits, 0, 0);
        img.replaceWith(canvas);
      },
      () => undefined, // broken bytes: the alternative text has to do
    );
  };
  img.src = p.url;
  frame.append(img);
  return frame;
}

/** The bytes of attachments, fetched once, and kept under addresses of this page until it is left. */
export class PictureStore {
  private loading = new Map<string, Promise<Picture>>();
  private urls = new Map<Blob, string>();

  constructor(
    private fetch: (a: Attachment) => Promise<Blob>,
    private local: (clientId: string | undefined, attachment?: string) => Blob | undefined,
  ) {}

  private picture(blob: Blob): Picture {
    let url = this.urls.get(blob);
    if (!url) this.urls.set(blob, (url = URL.createObjectURL(blob)));
    return { blob, url };
  }

  held(clientId: string): Picture | undefined {
    const blob = this.local(clientId);
    return blob && this.picture(blob);
  }

  load(a: Attachment, clientId?: string): Promise<Picture> {
    const here = this.local(clientId, a.id);
    if (here) return Promise.resolve(this.picture(here));
    let p = this.loading.get(a.id);
    if (!p) {
      p = this.fetch(a).then((blob) => this.picture(blob));
      p.catch(() => this.loading.delete(a.id)); // the next one who asks tries again
      this.loading.set(a.id, p);
    }
    return p;
  }

  destroy(): void {
    for (const url of this.urls.values()) URL.revokeObjectURL(url);
    this.urls.clear();
    this.loading.clear();
  }
}

/** A picture in full size over the panel; Esc, the cross and a click beside it close it. */
export class Viewer {
  readonly el: HTMLElement = h("div", { class: "viewer", role: "dialog", "aria-modal": "true", hidden: true, onclick: (e) => e.target === this.el && this.close() });
  private from: HTMLElement | undefined;

  get isOpen(): boolean {
    return !this.el.hidden;
  }

  open(p: Picture, name: string, from: HTMLElement, t: Translate): void {
    this.from = from;
    const close = tool("cross", t("closePicture"), () => this.close());
    const save = h("a", { class: "tool", href: p.url, download: name || "picture", "aria-label": t("savePicture"), title: t("savePicture") });
    save.append(icon("down"));
    this.el.setAttribute("aria-label", name || t("openPicture"));
    this.el.replaceChildren(h("div", { class: "viewer-bar" }, h("bdi", { class: "viewer-name" }, name), save, close), imageOf(p, name));
    this.el.hidden = false;
    close.focus();
  }

  close(): void {
    if (!this.isOpen) return;
    this.el.hidden = true;
    this.el.replaceChildren();
    this.from?.focus({ preventScroll: true });
  }
}
