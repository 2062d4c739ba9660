// A few lines instead of a framework: elements are made with text and listeners, never from markup.

type Child = Node | string | undefined | false;
type Props = Record<string, string | boolean | undefined | ((e: Event) => void)>;

/** Makes an element: attributes by name, `onclick` and the like as listeners, `true` for an empty attribute. */
export function h<K extends keyof HTMLElementTagNameMap>(tag: K, props: Props = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const el = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") el.addEventListener(name.slice(2), value);
    else if (value === true) el.setAttribute(name, "");
    else if (value !== undefined && value !== false) el.setAttribute(name, value);
  }
  el.append(...children.filter((c): c is Node | string => c !== undefined && c !== false));
  return el;
}

/** A button with a sign and a name for those who do not see it. */
export function tool(name: keyof typeof paths, label: string, onclick: () => void, className = "tool"): HTMLButtonElement {
  return h("button", { type: "button", class: className, "aria-label": label, title: label, onclick }, icon(name));
}

/** Changes an element's text only if it differs: live regions announce on change. */
export function setText(el: HTMLElement, text: string): void {
  if (el.textContent !== text) el.textContent = text;
}

const paths = {
  chat: "M4 5.5A2.5 2.5 0 0 1 6.5 3h11A2.5 2.5 0 0 1 20 5.5v8a2.5 2.5 0 0 1-2.5 2.5H11l-4.4 3.7c-.65.55-1.6.08-1.6-.76V16A2.5 2.5 0 0 1 4 13.5zM8 8h8M8 11.5h5",
  close: "M6 9.5l6 6 6-6",
  send: "M12 19V5M5.5 11.5L12 5l6.5 6.5",
  attach: "M20 11.5l-8.2 8.2a5 5 0 0 1-7-7l8.5-8.5a3.4 3.4 0 0 1 4.8 4.8L9.6 17.4a1.7 1.7 0 0 1-2.4-2.4l7.8-7.8",
  picture: "M4 6.5A2.5 2.5 0 0 1 6.5 4h11A2.5 2.5 0 0 1 20 6.5v11a2.5 2.5 0 0 1-2.5 2.5h-11A2.5 2.5 0 0 1 4 17.5zM4 16l4.5-4.5 4 4L15 13l5 4.5M15.5 9h.01",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20c1-3.5 4-5 7.5-5s6.5 1.5 7.5 5",
  bot: "M12 3v3M6.5 6h11A2.5 2.5 0 0 1 20 8.5v8a2.5 2.5 0 0 1-2.5 2.5h-11A2.5 2.5 0 0 1 4 16.5v-8A2.5 2.5 0 0 1 6.5 6zM9 11.5v1.5M15 11.5v1.5",
  check: "M5 12.5l4.5 4.5L19 7.5",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7.5V12l3 2",
  alert: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7.5v5.5M12 16.5h.01",
  down: "M12 5v14M6 13l6 6 6-6",
  cross: "M6 6l12 12M18 6L6 18",
  book: "M5 4.5h6a2 2 0 0 1 2 2V20a2 2 0 0 0-2-2H5zM21 4.5h-6a2 2 0 0 0-2 2V20a2 2 0 0 1 2-2h6z",
  file: "M6 3.5h8l4.5 4.5v12.5H6zM14 3.5V8h4.5",
  box: "M4 8l8-4.5L20 8v8.5L12 21l-8-4.5zM4 8l8 4.5L20 8M12 12.5V21",
  tag: "M4 4h8l8 8-8 8-8-8zM8.5 8.5h.01",
  list: "M9 6h11M9 12h11M9 18h11M4.5 6h.01M4.5 12h.01M4.5 18h.01",
  shield: "M12 3.5l7 2.5v5.5c0 4.5-3 7.5-7 9-4-1.5-7-4.5-7-9V6z",
  star: "M12 4l2.5 5.2 5.7.8-4.1 4 1 5.7L12 17l-5.1 2.7 1-5.7-4.1-4 5.7-.8z",
  up: "M7 11v9H4v-9zM7 11l4-7.5c1.7 0 2.6 1.2 2.2 2.7L12.5 9.5H18a2 2 0 0 1 2 2.3l-1 6.5a2 2 0 0 1-2 1.7H7",
  thumb: "M17 13V4h3v9zM17 13l-4 7.5c-1.7 0-2.6-1.2-2.2-2.7l.7-3.3H6a2 2 0 0 1-2-2.3l1-6.5A2 2 0 0 1 7 4h10",
} as const;

/** A drawn sign, hidden from screen readers: whatever carries it has words of its own. */
export function icon(name: keyof typeof paths): SVGSVGElement {
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "icon");
  const path = document.createElementNS(ns, "path");
  path.setAttribute("d", paths[name]);
  svg.append(path);
  return svg;
}

const inside = /https?:\/\/[^\s<>"'，。；、！？（）()】]*[^\s<>"'，。；、！？（）()】.,;:!?]|<(phone|bank_card|id_card|[a-z_]{2,20}):\d{1,4}>/g;

/**
 * Text with its web addresses as links and the places of sealed personal data (<phone:1>) in words; everything else stays
 * text, whatever it looks like.
 */
export function linked(text: string, sealed: (kind: string) => string): (Node | string)[] {
  const out: (Node | string)[] = [];
  let from = 0;
  for (const m of text.matchAll(inside)) {
    out.push(text.slice(from, m.index), m[1] ? h("span", { class: "sealed" }, icon("shield"), sealed(m[1])) : link(m[0], m[0]));
    from = m.index + m[0].length;
  }
  out.push(text.slice(from));
  return out;
}

/** A link that opens beside the page; an address that is not http(s) becomes plain text. */
export function link(url: string, label: string): Node | string {
  if (!/^https?:\/\//i.test(url)) return label;
  return h("a", { href: url, target: "_blank", rel: "noopener noreferrer nofollow" }, label);
}

/** One child of a keyed list; it is made anew only when its signature changes. */
export interface Entry {
  key: string;
  signature: string;
  make: () => HTMLElement;
  refresh?: (el: HTMLElement) => void; // what may change without a new element
}

/**
 * Brings a parent's children in line with a list of keyed items, touching only those whose signature changed, so that
 * focus, selection and what a screen reader announced stay as they are.
 */
export class Keyed {
  private nodes = new Map<string, { el: HTMLElement; signature: string }>();

  constructor(private parent: HTMLElement) {}

  update(items: Entry[]): void {
    const keep = new Set(items.map((i) => i.key));
    for (const [key, n] of this.nodes) {
      if (keep.has(key)) continue;
      n.el.remove();
      this.nodes.delete(key);
    }
    let place: ChildNode | null = this.parent.firstChild;
    for (const item of items) {
      const known = this.nodes.get(item.key);
      if (known && known.signature === item.signature) {
        item.refresh?.(known.el);
        if (known.el === place) place = place.nextSibling;
        else this.parent.insertBefore(known.el, place);
        continue;
      }
      const el = item.make();
      item.refresh?.(el);
      this.nodes.set(item.key, { el, signature: item.signature });
      if (known) {
        const focus = focusPath(known.el);
        if (known.el === place) place = place.nextSibling;
        known.el.replaceWith(el);
        if (el.nextSibling !== place) this.parent.insertBefore(el, place);
        if (focus) refocus(el, focus);
      } else {
        this.parent.insertBefore(el, place);
      }
    }
  }
}

/** What in an element has the focus, by its data-focus; undefined if nothing has. */
function focusPath(el: HTMLElement): string | undefined {
  const root = el.getRootNode() as ShadowRoot | Document;
  const at = root.activeElement;
  return at instanceof HTMLElement && el.contains(at) ? (at.dataset.focus ?? "") : undefined;
}

/** Keyboard users go on where they were when what they pressed was replaced by its outcome. */
function refocus(el: HTMLElement, focus: string): void {
  const same = focus ? el.querySelector<HTMLElement>(`[data-focus="${focus}"]`) : null;
  const next = same ?? el.querySelector<HTMLElement>("button, input, textarea, select, a, summary, [tabindex]") ?? el.closest<HTMLElement>("[tabindex]");
  next?.focus({ preventScroll: true });
}
