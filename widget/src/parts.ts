import { h, icon, link, linked } from "./dom";
import { imageOf } from "./pictures";
import { pictureTypes } from "./uploads";
import type { Attachment, Button, Card, Part } from "./protocol";
import type { Scene } from "./scene";

/** Text in a bubble: paragraphs, links, and words in the place of sealed personal data. */
export function bubble(text: string, s: Scene): HTMLElement {
  const sealed = (kind: string): string => s.t(kind === "phone" ? "sealedPhone" : kind === "bank_card" ? "sealedCard" : kind === "id_card" ? "sealedId" : "sealed");
  return h("div", { class: "bubble" }, ...text.split(/\n{2,}/).map((para) => h("p", { dir: "auto" }, ...linked(para, sealed))));
}

/** What an answer stands on, folded away. */
export function sources(list: NonNullable<Part["sources"]>, s: Scene): HTMLElement {
  const title = (x: (typeof list)[number]): Node | string => (x.url ? link(x.url, x.title) : x.title);
  return h(
    "details",
    { class: "sources" },
    h("summary", {}, icon("book"), h("span", {}, s.t("sources")), h("span", { class: "count" }, String(list.length))),
    h("ul", {}, ...list.map((x) => h("li", { dir: "auto" }, title(x)))),
  );
}

/** What the customer can say by one tap. */
export function choices(buttons: Button[], s: Scene): HTMLElement {
  return h("div", { class: "choices" }, ...buttons.map((b) => h("button", { type: "button", class: "choice", dir: "auto", onclick: () => s.say(b.value) }, b.label)));
}

const signs = { order: "box", product: "tag", progress: "list", disclosure: "shield" } as const;

/** A titled block of facts. An order's first line is its state; a progress has its newest step first; a disclosure is ticked. */
export function card(c: Card, s: Scene): HTMLElement {
  const kind = c.type in signs ? (c.type as keyof typeof signs) : undefined;
  const head = h("div", { class: "card-head" }, icon(kind ? signs[kind] : "file"), h("h3", { dir: "auto" }, c.title));
  const el = h("section", { class: `card ${kind ?? ""}`, "aria-label": c.title }, head);
  const rest = kind === "order" ? c.lines.slice(1) : c.lines;
  const state = kind === "order" ? c.lines[0] : undefined;
  if (state) head.append(h("span", { class: "state", title: state.label }, state.value));
  if (kind === "progress") el.append(h("ol", { class: "steps" }, ...rest.map((l, i) => step(l, i === 0))));
  else if (kind === "disclosure") el.append(...rest.map((l) => h("p", { dir: "auto" }, l.label && h("strong", {}, l.label), l.label && l.value ? " " : "", l.value)));
  else if (rest.length > 0) el.append(h("dl", {}, ...rest.map((l) => h("div", {}, h("dt", {}, l.label), h("dd", { dir: "auto" }, l.value)))));
  if (c.action) el.append(kind === "disclosure" ? agreement(c.action, s) : action(c.action, s));
  return el;
}

function step(l: { label: string; value: string }, current: boolean): HTMLElement {
  const el = h("li", {}, h("span", { class: "step-value", dir: "auto" }, l.value || l.label), l.value ? h("span", { class: "step-label" }, l.label) : undefined);
  if (current) el.setAttribute("aria-current", "step");
  return el;
}

function action(b: Button, s: Scene): HTMLButtonElement {
  return h("button", { type: "button", class: "action", onclick: () => s.say(b.value) }, b.label);
}

/** What has to be read before it is agreed to: the tick comes first, then the word. */
function agreement(b: Button, s: Scene): HTMLElement {
  const go = action(b, s);
  go.disabled = true;
  const tick = h("input", { type: "checkbox", onchange: () => (go.disabled = !tick.checked) });
  return h("div", { class: "agree" }, h("label", {}, tick, h("span", {}, s.t("agree"))), go);
}

/** A picture in the conversation; it can be opened in full size, and fetched again when it did not come. */
export function picture(a: Attachment, s: Scene, clientId?: string): HTMLElement {
  if (!pictureTypes.includes(a.type)) return file(a, s); // whatever it calls itself: only pictures are shown
  const name = a.name ?? "";
  const el = h("button", { type: "button", class: "picture", "aria-label": name ? `${s.t("openPicture")}: ${name}` : s.t("openPicture"), onclick: () => open() });
  if (a.width && a.height) el.style.aspectRatio = `${a.width} / ${Math.min(a.height, a.width * 1.6)}`; // room before it is there
  let open = (): void => undefined;
  const load = (): void => {
    el.classList.add("loading");
    s.pictures.load(a, clientId).then(
      (p) => {
        el.classList.remove("loading", "gone");
        el.replaceChildren(imageOf(p, ""));
        open = () => s.pictures.view(p, name, el);
      },
      () => {
        el.classList.replace("loading", "gone");
        el.replaceChildren(icon("picture"), s.t("pictureGone"));
        open = load;
      },
    );
  };
  load();
  return el;
}

/** A file: never shown here, always saved. */
export function file(a: Attachment, s: Scene, clientId?: string): HTMLElement {
  const name = a.name ?? s.t("file");
  const save = (): void => {
    void s.pictures.load(a, clientId).then(
      ({ blob }) => {
        // As bytes without a type, so that no browser takes it for a page of this site.
        const url = URL.createObjectURL(new Blob([blob], { type: "application/octet-stream" }));
        h("a", { href: url, download: name }).click();
        setTimeout(() => URL.revokeObjectURL(url), 60_000);
      },
      () => undefined,
    );
  };
  return h(
    "button",
    { type: "button", class: "file", "aria-label": `${s.t("file")}: ${name}`, onclick: save },
    icon("file"),
    h("span", { class: "file-name" }, h("bdi", {}, name), h("span", { class: "file-size" }, size(a.size))),
    icon("down"),
  );
}

/** A size as people read it. */
export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1 << 20 ? `${Math.round(bytes / 1024)} KB` : `${(bytes / (1 << 20)).toFixed(1)} MB`;
}
