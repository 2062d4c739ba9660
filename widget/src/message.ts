import { h, icon, link, linked } from "./dom";
import type { Attachment, Card, Message, Part } from "./protocol";
import type { Pending } from "./outbox";
import type { Language, TextKey } from "./texts";

/** What drawing a message needs from around it. */
export interface Scene {
  t: (key: TextKey, n?: number) => string;
  language: Language;
  say: (text: string) => void;
  human: () => void;
  retry: (clientId: string) => void;
  rate: (seq: number, solved: boolean, reason?: string) => void;
  picture: (a: Attachment) => Promise<string>;
  rating: (seq: number) => Rating | undefined;
}

export interface Rating {
  solved: boolean;
  reason?: string;
}

export interface Item {
  message: Message;
  pending?: Pending;
  first: boolean; // the first of a run by the same sender
  latest: boolean; // nothing from the customer follows: its suggestions can still be chosen
  receipt: boolean; // the customer's newest message carries the receipt
}

/** Draws one message. Everything said is text; nothing of it is ever markup. */
export function draw(item: Item, s: Scene): HTMLElement {
  const m = item.message;
  if (m.from === "system") return h("div", { class: "msg system" }, h("p", {}, h("span", { class: "sr" }, `${s.t("system")}: `), m.text));
  const row = h("div", { class: `msg ${m.from}${item.first ? " first" : ""}` });
  if (item.first && m.from !== "customer") row.append(sender(m, s));
  const body = h("div", { class: "body" });
  if (m.from === "customer") body.append(h("span", { class: "sr" }, `${s.t("you")}: `));
  if (m.recalled) body.append(h("p", { class: "bubble recalled" }, s.t("recalled")));
  else m.parts.forEach((p) => drawPart(p, item, s).forEach((el) => body.append(el)));
  row.append(body);
  if (m.revised && !m.recalled) row.append(h("span", { class: "meta" }, s.t("revised")));
  const state = receipt(item, s);
  if (state) row.append(state);
  if (m.from === "bot" && !m.recalled && m.parts.some((p) => p.sources)) row.append(rating(m, s));
  return row;
}

function sender(m: Message, s: Scene): HTMLElement {
  if (m.from === "bot") {
    return h("div", { class: "sender bot" }, icon("bot"), h("span", {}, s.t("aiAssistant")), h("abbr", { class: "ai", title: s.t("aiNote") }, s.t("ai")));
  }
  return h("div", { class: "sender human" }, icon("person"), h("span", {}, m.name ?? s.t("agent")));
}

function drawPart(p: Part, item: Item, s: Scene): HTMLElement[] {
  switch (p.kind) {
    case "image":
      return p.attachment ? [picture(p.attachment, s)] : [];
    case "file":
      return p.attachment ? [file(p.attachment, s)] : [];
    case "card":
      return p.card ? [card(p.card, s)] : [];
    case "buttons": {
      const out = p.text ? [bubble(p.text)] : [];
      if (item.latest && p.buttons) {
        out.push(h("div", { class: "choices" }, ...p.buttons.map((b) => h("button", { type: "button", class: "choice", onclick: () => s.say(b.value) }, b.label))));
      }
      return out;
    }
    default: {
      if (!p.text) return [];
      const el = bubble(p.text);
      if (p.sources) el.append(sources(p.sources, s));
      return [el];
    }
  }
}

function bubble(text: string): HTMLElement {
  const el = h("div", { class: "bubble" });
  for (const para of text.split(/\n{2,}/)) el.append(h("p", { dir: "auto" }, ...linked(para)));
  return el;
}

function sources(list: NonNullable<Part["sources"]>, s: Scene): HTMLElement {
  return h(
    "details",
    { class: "sources" },
    h("summary", {}, icon("book"), `${s.t("sources")} (${list.length})`),
    h("ul", {}, ...list.map((x) => h("li", {}, x.url ? link(x.url, x.title) : x.title))),
  );
}

function card(c: Card, s: Scene): HTMLElement {
  const el = h(
    "section",
    { class: "card", "aria-label": c.title },
    h("h3", {}, c.title),
    h("dl", {}, ...c.lines.map((l) => h("div", {}, h("dt", {}, l.label), h("dd", { dir: "auto" }, l.value)))),
  );
  const action = c.action;
  if (action) el.append(h("button", { type: "button", class: "choice", onclick: () => s.say(action.value) }, action.label));
  return el;
}

function picture(a: Attachment, s: Scene): HTMLElement {
  const el = h("button", { type: "button", class: "picture", "aria-label": s.t("openPicture") });
  const img = h("img", { alt: a.name ?? "", width: a.width ? String(a.width) : undefined, height: a.height ? String(a.height) : undefined });
  void s.picture(a).then(
    (url) => {
      img.src = url;
      el.append(img);
      el.addEventListener("click", () => window.open(url, "_blank", "noopener"));
    },
    () => el.append(icon("picture"), a.name ?? ""),
  );
  return el;
}

function file(a: Attachment, s: Scene): HTMLElement {
  const save = (): void => {
    void s.picture(a).then((url) => h("a", { href: url, download: a.name ?? "file" }).click());
  };
  return h("button", { type: "button", class: "choice", "aria-label": `${s.t("file")}: ${a.name ?? ""}`, onclick: save }, icon("down"), a.name ?? s.t("file"));
}

function receipt(item: Item, s: Scene): HTMLElement | undefined {
  const p = item.pending;
  if (p?.state === "failed") {
    return h(
      "div",
      { class: "meta failed" },
      icon("alert"),
      h("span", {}, p.reason || s.t("failed")),
      h("button", { type: "button", class: "textual", onclick: () => s.retry(p.clientId) }, s.t("retry")),
    );
  }
  if (p) return h("div", { class: "meta" }, icon("clock"), s.t("sending"));
  if (!item.receipt || item.message.from !== "customer") return undefined;
  return h("div", { class: "meta" }, icon("check"), s.t("sent"));
}

function rating(m: Message, s: Scene): HTMLElement {
  const given = s.rating(m.seq);
  const choose = (label: TextKey, act: () => void): HTMLElement => h("button", { type: "button", class: "small", onclick: act }, s.t(label));
  if (!given) {
    return h(
      "div",
      { class: "rating", role: "group", "aria-label": s.t("solvedAsk") },
      h("span", {}, s.t("solvedAsk")),
      choose("solved", () => s.rate(m.seq, true)),
      choose("unsolved", () => s.rate(m.seq, false)),
    );
  }
  if (given.solved || given.reason) return h("div", { class: "rating", role: "status" }, icon("check"), s.t("thanks"));
  const reasons: TextKey[] = ["whyWrong", "whyVague", "whyIncorrect"];
  return h(
    "div",
    { class: "rating", role: "group", "aria-label": s.t("why") },
    h("span", {}, s.t("why")),
    ...reasons.map((r) => choose(r, () => s.rate(m.seq, false, r.slice(3).toLowerCase()))),
    choose("whyPerson", () => {
      s.rate(m.seq, false, "person");
      s.human();
    }),
  );
}
