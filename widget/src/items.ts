import { h, type Entry } from "./dom";
import { survey } from "./feedback";
import { bot, draw, refresh, signature, type Item } from "./message";
import { choices } from "./parts";
import type { Message } from "./protocol";
import type { Pending } from "./outbox";
import type { Scene, View } from "./scene";
import { when } from "./texts";

const gapMs = 5 * 60_000; // after so long the time is said again

/** The conversation as a keyed list: greeting, times, messages, what is on its way, the question at the end. */
export function entries(v: View, s: Scene): Entry[] {
  const out = v.more ? [] : opening(v, s);
  let previous: Message | undefined;
  for (const item of items(v)) {
    const m = item.message;
    // A pending message carries this device's clock, which may be wrong: it never gets a time of its own.
    const gap = !item.pending && m.at > 0 && (!previous || m.at - previous.at > gapMs);
    if (gap) out.push({ key: `t${m.seq}`, signature: `${v.language} ${when(m.at, s.now(), v.language)}`, make: () => h("p", { class: "when" }, when(m.at, s.now(), v.language)) });
    if (gap || !previous || previous.from !== m.from) item.first = true;
    out.push({
      // A message keeps its element when it turns from pending to sent: same client id, same key.
      key: m.clientId ? `c${m.clientId}` : `m${m.seq}`,
      signature: signature(item, s),
      make: () => draw(item, s),
      refresh: item.pending?.file && ((el) => refresh(el, item, s, v.status === "live" || v.status === "polling")),
    });
    previous = m;
  }
  const asked = v.survey;
  if (asked) out.push({ key: "survey", signature: v.language + asked.state, make: () => h("div", { class: "msg ask" }, survey(asked, s)) });
  return out;
}

/** What stands before the first word. */
function opening(v: View, s: Scene): Entry[] {
  const known = v.known || v.trouble !== undefined; // who cannot be reached cannot be waited for
  const out: Entry[] = [
    {
      key: "note",
      signature: JSON.stringify([v.language, v.greeting, v.notice, known]),
      make: () => {
        const words = known ? h("div", { class: "bubble" }, h("p", { dir: "auto" }, v.greeting || s.t("greeting"))) : h("div", { class: "bubble waiting", "aria-hidden": "true" }, h("i"), h("i"));
        return h("div", { class: "msg bot first" }, h("p", { class: "note" }, s.t("aiNote")), v.notice ? h("p", { class: "note" }, v.notice) : undefined, bot(s), h("div", { class: "body" }, words));
      },
    },
  ];
  if (v.messages.length === 0 && v.pending.length === 0 && v.suggestions.length > 0) {
    out.push({
      key: "suggestions",
      signature: v.language + v.suggestions.join("\n"),
      make: () => h("div", { class: "msg suggestions" }, choices(v.suggestions.map((q) => ({ label: q, value: q })), s)),
    });
  }
  return out;
}

function items(v: View): Item[] {
  const said: { message: Message; pending?: Pending }[] = [
    ...v.messages.map((message) => ({ message })),
    ...v.pending.map((pending) => ({ message: asMessage(pending), pending })),
  ];
  const lastOwn = said.map((x) => x.message.from).lastIndexOf("customer");
  const filled = new Set(said.flatMap((x) => [x.pending?.state === "failed" ? undefined : x.pending?.form?.id, ...(x.message.from === "customer" ? x.message.parts.map((p) => p.form?.id) : [])]));
  return said.map(({ message, pending }, i) => ({
    message,
    pending,
    first: false,
    latest: i > lastOwn,
    receipt: i === lastOwn,
    answered: message.parts.some((p) => p.form && filled.has(p.form.id)),
  }));
}

function asMessage(p: Pending): Message {
  const parts = p.parts ?? [{ kind: "text", text: p.text ?? "" }];
  return { seq: 0, change: 0, from: "customer", clientId: p.clientId, name: {}, text: p.text ?? "", parts, at: p.at, revised: false, recalled: false, solved: 0 };
}
