import { h, icon } from "./dom";
import type { Form, FormField } from "./protocol";
import type { Scene } from "./scene";
import type { TextKey } from "./texts";

const valueMax = 500;

/** Why a value cannot be sent, by the same rules as the server's (docs/protocol.md); undefined if it can. */
export function fault(f: FormField, value: string): TextKey | undefined {
  const v = value.trim();
  if (!v) return f.required ? "formNeeded" : undefined;
  if ([...v].length > valueMax) return "formLong";
  switch (f.type) {
    case "phone":
      return /^\+?[0-9][0-9 ()-]{4,24}$/.test(v) ? undefined : "formPhone";
    case "email":
      return /^[^\s@<>()]+@[^\s@<>()]+\.[^\s@<>()]+$/.test(v) ? undefined : "formEmail";
    case "number":
      return /^[+-]?[0-9]{1,15}(\.[0-9]{1,6})?$/.test(v) ? undefined : "formNumber";
    case "date":
      return /^\d{4}-\d{2}-\d{2}$/.test(v) && !Number.isNaN(Date.parse(v)) ? undefined : "formDate";
    case "choice":
      return f.choices.includes(v) ? undefined : "formNeeded";
    case "text":
      return undefined;
  }
}

/** What was filled in, in words: how the message is shown until the server tells it. */
export function inWords(form: Form, values: Record<string, string>, colon: string): string {
  return form.fields.flatMap((f) => (values[f.name]?.trim() ? [f.label + colon + values[f.name]!.trim()] : [])).join("\n");
}

/** A form to be filled in, or the note that it was. */
export function formCard(form: Form, seq: number, answered: boolean, s: Scene): HTMLElement {
  const head = h("div", { class: "card-head" }, icon("list"), h("h3", { dir: "auto" }, form.title));
  if (answered) {
    head.append(h("span", { class: "state done" }, icon("check"), s.t("formSent")));
    return h("section", { class: "card form", "aria-label": form.title }, head);
  }
  const rows = form.fields.map((f, i) => row(f, `f${seq}-${i}`, s));
  const submit = (e: Event): void => {
    e.preventDefault();
    const wrong = rows.filter((r) => !r.check());
    if (wrong[0]) return wrong[0].focus();
    s.submit(seq, form, Object.fromEntries(rows.map((r) => [r.name, r.value()])));
  };
  return h(
    "form",
    { class: "card form", novalidate: true, "aria-label": form.title, onsubmit: submit },
    head,
    ...rows.map((r) => r.el),
    h("button", { type: "submit", class: "action" }, s.t("formSend")),
  );
}

interface Row {
  el: HTMLElement;
  name: string;
  value(): string;
  check(): boolean;
  focus(): void;
}

const inputTypes = { text: "text", number: "text", phone: "tel", email: "email", date: "date" } as const;

function row(f: FormField, id: string, s: Scene): Row {
  const problem = h("p", { class: "field-problem", id: `${id}-problem`, role: "alert" });
  const few = f.type === "choice" && f.choices.length <= 4;
  const input =
    f.type === "choice"
      ? h("select", { id, class: "field" }, h("option", { value: "" }, s.t("formChoose")), ...f.choices.map((c) => h("option", { value: c }, c)))
      : h("input", { id, class: "field", type: inputTypes[f.type], inputmode: f.type === "number" ? "decimal" : undefined, dir: "auto", autocomplete: { phone: "tel", email: "email", text: "on", number: "off", date: "off" }[f.type] });
  const radios = few ? f.choices.map((c, i) => h("input", { type: "radio", name: id, value: c, id: i === 0 ? id : undefined })) : [];
  const value = (): string => (few ? (radios.find((r) => r.checked)?.value ?? "") : input.value.trim());
  const target: HTMLElement = few ? (radios[0] ?? input) : input;
  const show = (key: TextKey | undefined): void => {
    problem.textContent = key ? s.t(key, f.label) : "";
    for (const el of few ? radios : [input]) {
      el.toggleAttribute("aria-invalid", key !== undefined);
      if (key) el.setAttribute("aria-invalid", "true");
    }
  };
  // Faults are named on leaving a field that was touched, and taken back as soon as they are mended.
  const check = (): boolean => {
    const key = fault(f, value());
    show(key);
    return key === undefined;
  };
  for (const el of few ? radios : [input]) {
    el.setAttribute("aria-describedby", problem.id);
    if (f.required) el.setAttribute("aria-required", "true");
    el.addEventListener("change", check);
    el.addEventListener("input", () => problem.textContent && check());
  }
  const label = [h("bdi", {}, f.label), f.required ? undefined : h("span", { class: "optional" }, s.t("formOptional"))];
  const el = few
    ? h("fieldset", { class: "row-field" }, h("legend", {}, ...label), h("div", { class: "radios" }, ...radios.map((r) => h("label", { class: "radio" }, r, h("bdi", {}, r.value)))), problem)
    : h("div", { class: "row-field" }, h("label", { for: id }, ...label), input, problem);
  return { el, name: f.name, value, check, focus: () => target.focus() };
}
