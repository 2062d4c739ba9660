import { h, icon, setText, tool } from "./dom";
import { rating } from "./feedback";
import { formCard } from "./form";
import { imageOf } from "./pictures";
import { bubble, card, choices, file, picture, size, sources } from "./parts";
import type { Pending } from "./outbox";
import { inLanguage, type Message, type Part } from "./protocol";
import type { Scene } from "./scene";
import { reasonText, when } from "./texts";

export interface Item {
  message: Message;
  pending?: Pending;
  first: boolean; // the first of a run by the same sender
  latest: boolean; // nothing from the customer follows: its suggestions can still be chosen
  receipt: boolean; // the customer's newest message carries the receipt
  answered: boolean; // its form was filled in
}

/** What of an item, beside the message itself, changes how it is drawn. What does not concern it must not redraw it. */
export function signature(item: Item, s: Scene): string {
  const { message: m, pending: p } = item;
  const has = (kind: string): boolean => m.parts.some((x) => x.kind === kind);
  return JSON.stringify([
    m.change,
    m.recalled,
    p?.state,
    p?.reason,
    item.first,
    has("buttons") && item.latest,
    item.receipt,
    has("form") && item.answered,
    s.rating(m),
    inLanguage(m.name, s.language),
    s.language,
  ]);
}

/** Draws one message. Everything said is text; nothing of it is ever markup. */
export function draw(item: Item, s: Scene): HTMLElement {
  const m = item.message;
  const time = m.at > 0 ? when(m.at, s.now(), s.language) : undefined;
  if (m.from === "system") return h("div", { class: "msg system", title: time }, h("p", { dir: "auto" }, h("span", { class: "sr" }, `${s.t("system")}: `), m.text));
  const row = h("div", { class: `msg ${m.from}${item.first ? " first" : ""}` });
  if (m.from === "bot" && item.first) row.append(bot(s));
  else if (m.from === "agent" && item.first) row.append(h("div", { class: "sender human" }, icon("person"), h("bdi", {}, inLanguage(m.name, s.language) || s.t("agent"))));
  const body = h("div", { class: "body", title: time });
  if (m.from === "customer") body.append(h("span", { class: "sr" }, `${s.t("you")}: `));
  if (m.recalled) body.append(h("p", { class: "bubble recalled" }, s.t("recalled")));
  else if (item.pending?.file) body.append(uploading(item.pending, s));
  else m.parts.forEach((p) => drawPart(p, item, s).forEach((el) => body.append(el)));
  row.append(body);
  if (m.revised && !m.recalled) row.append(h("span", { class: "meta" }, s.t("revised")));
  const state = receipt(item, s);
  if (state) row.append(state);
  if (m.from === "bot" && !m.recalled && m.parts.some((p) => p.sources)) row.append(rating(m, s));
  return row;
}

/** Who answers: the mark that this is a machine stands over each of its runs. */
export function bot(s: Scene): HTMLElement {
  return h("div", { class: "sender bot" }, icon("bot"), h("span", {}, s.t("aiAssistant")), h("abbr", { class: "ai", title: s.t("aiNote") }, s.t("ai")));
}

function drawPart(p: Part, item: Item, s: Scene): HTMLElement[] {
  const { seq, clientId, from } = item.message;
  switch (p.kind) {
    case "image":
      return p.attachment ? [picture(p.attachment, s, clientId), ...text(p, s)] : text(p, s);
    case "file":
      return p.attachment ? [file(p.attachment, s, clientId), ...text(p, s)] : text(p, s);
    case "card":
      return p.card ? [...text(p, s), card(p.card, s)] : text(p, s);
    case "form":
      // The customer's own part of this kind says what was filled in.
      return p.form && from !== "customer" ? [...text(p, s), formCard(p.form, seq, item.answered, s)] : text(p, s);
    case "buttons":
      return p.buttons && item.latest ? [...text(p, s), choices(p.buttons, s)] : text(p, s);
    default: {
      const [el] = text(p, s);
      if (el && p.sources) el.append(sources(p.sources, s));
      return el ? [el] : [];
    }
  }
}

function text(p: Part, s: Scene): HTMLElement[] {
  return p.text ? [bubble(p.text, s)] : [];
}

/** A file on its way, with how far it is and the way to stop it. `refresh` moves it on. */
function uploading(p: Pending, s: Scene): HTMLElement {
  const name = p.file?.name ?? "";
  const held = p.file && /^image\/(png|jpeg|gif|webp)$/.test(p.file.type) ? s.pictures.held(p.clientId) : undefined;
  const el = h("div", { class: `upload ${p.state}` });
  if (held) el.append(h("div", { class: "picture" }, imageOf(held, s.t("pictureOf", name))));
  else el.append(h("div", { class: "file" }, icon("file"), h("span", { class: "file-name" }, h("bdi", {}, name), h("span", { class: "file-size" }, size(p.file?.size ?? 0)))));
  if (p.state === "uploading") {
    const bar = h("progress", { max: "100", "aria-label": name });
    el.append(h("div", { class: "upload-bar" }, bar, h("span", { class: "upload-text" }), tool("cross", s.t("cancelUpload"), () => s.discard(p.clientId))));
  }
  return el;
}

/** Brings a row up to date that needs no new elements. */
export function refresh(el: HTMLElement, item: Item, s: Scene, reachable: boolean): void {
  const bar = el.querySelector("progress");
  if (!bar || !item.pending) return;
  const part = Math.floor(s.progress(item.pending.clientId) * 100);
  bar.value = part;
  const text = el.querySelector<HTMLElement>(".upload-text");
  if (text) setText(text, reachable ? s.t("uploading", part) : s.t("uploadWaits"));
}

function receipt(item: Item, s: Scene): HTMLElement | undefined {
  const p = item.pending;
  if (p?.state === "failed") {
    const final = ["fileRefused", "fileLost", "fileSize"].includes(p.reason ?? "");
    const word = (key: "edit" | "retry" | "discard", act: (id: string) => void): HTMLElement => h("button", { type: "button", class: "textual", onclick: () => act(p.clientId) }, s.t(key));
    return h(
      "div",
      { class: "meta failed", role: "alert" },
      icon("alert"),
      h("span", {}, reasonText(s.t, p.reason)),
      !final && (p.reason === "invalid" && p.text ? word("edit", s.edit) : word("retry", s.retry)),
      word("discard", s.discard),
    );
  }
  if (p?.state === "uploading") return undefined;
  if (p) return h("div", { class: "meta" }, icon("clock"), s.t("sending"));
  if (!item.receipt || item.message.from !== "customer") return undefined;
  return h("div", { class: "meta" }, icon("check"), s.t("sent"));
}
