import { h, icon } from "./dom";
import type { Message } from "./protocol";
import type { Scene, Survey } from "./scene";
import type { TextKey } from "./texts";

const reasons = { wrong: "whyWrong", vague: "whyVague", incorrect: "whyIncorrect", person: "whyPerson" } as const;

/** Did an answer help? After a "no": why, in one tap or in words. */
export function rating(m: Message, s: Scene): HTMLElement {
  const given = s.rating(m);
  const group = (label: TextKey, ...children: (HTMLElement | string)[]): HTMLElement =>
    h("div", { class: "rating", role: "group", "aria-label": s.t(label) }, h("span", {}, s.t(label)), ...children);
  if (!given) {
    return group(
      "solvedAsk",
      h("button", { type: "button", class: "small", "data-focus": "rating", onclick: () => s.rate(m.seq, true) }, icon("up"), s.t("solved")),
      h("button", { type: "button", class: "small", "data-focus": "rating", onclick: () => s.rate(m.seq, false) }, icon("thumb"), s.t("unsolved")),
    );
  }
  if (given.solved || given.reason !== undefined) return h("div", { class: "rating", role: "status", tabindex: "-1", "data-focus": "rating" }, icon("check"), h("span", {}, s.t("thanks")));
  const own = h("input", { class: "field", "data-focus": "rating", maxlength: "200", placeholder: s.t("whyWrite"), "aria-label": s.t("whyWrite"), dir: "auto" });
  const words = h(
    "form",
    {
      class: "why",
      hidden: true,
      onsubmit: (e) => {
        e.preventDefault();
        s.rate(m.seq, false, own.value.trim());
      },
    },
    own,
    h("button", { type: "submit", class: "small", "data-focus": "rating" }, s.t("send")),
  );
  const other = h("button", { type: "button", class: "small", onclick: () => ((words.hidden = false), (other.hidden = true), own.focus()) }, s.t("whyOther"));
  const choose = (name: keyof typeof reasons): void => {
    s.rate(m.seq, false, name);
    if (name === "person") s.human();
  };
  const el = group(
    "why",
    ...(Object.keys(reasons) as (keyof typeof reasons)[]).map((r) => h("button", { type: "button", class: "small", "data-focus": "rating", onclick: () => choose(r) }, s.t(reasons[r]))),
    other,
    words,
  );
  return el;
}

const scores = [1, 2, 3, 4, 5] as const;

/** How was it? Asked when the conversation has ended; one tap chooses, a second sends, words are optional. */
export function survey(v: Survey, s: Scene): HTMLElement {
  if (v.state === "done") return h("div", { class: "survey thanks", role: "status", tabindex: "-1" }, icon("check"), h("span", {}, s.t("surveyThanks")));
  let chosen = 0;
  const word = h("p", { class: "score-word", "aria-live": "polite" });
  const comment = h("textarea", { class: "field", rows: "2", maxlength: "500", placeholder: s.t("surveyComment"), "aria-label": s.t("surveyComment"), dir: "auto" });
  const send = h("button", { type: "submit", class: "action" }, s.t("surveySend"));
  const more = h("div", { class: "survey-more", hidden: true }, comment, send);
  const stars = scores.map((n) => {
    const input = h("input", { type: "radio", name: "score", value: String(n), class: "sr", "aria-label": s.t(`score${n}`), onchange: () => choose(n) });
    return h("label", { class: "star", title: s.t(`score${n}`) }, input, icon("star"));
  });
  const choose = (n: (typeof scores)[number]): void => {
    chosen = n;
    stars.forEach((el, i) => el.classList.toggle("on", i < n));
    word.textContent = s.t(`score${n}`);
    more.hidden = false;
  };
  const problem = h("p", { class: "field-problem", role: "alert" }, v.state === "failed" ? s.t("surveyFailed") : "");
  return h(
    "form",
    {
      class: "survey",
      "aria-label": s.t("surveyAsk"),
      onsubmit: (e) => {
        e.preventDefault();
        send.disabled = true;
        if (chosen) s.satisfied(chosen, comment.value.trim());
      },
    },
    h("fieldset", {}, h("legend", {}, s.t("surveyAsk")), h("div", { class: "stars" }, ...stars), word),
    more,
    problem,
  );
}
