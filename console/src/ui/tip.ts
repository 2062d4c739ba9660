// One tooltip for the whole page, shown above everything so that no scrolling box cuts it off. It only repeats what a
// label already says to screen readers, so it is hidden from them.
import type { Directive } from "vue";

let box: HTMLElement | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;
let shownFor: HTMLElement | undefined;
const waitMs = 400;

function place(el: HTMLElement, text: string): void {
  box ??= document.body.appendChild(Object.assign(document.createElement("div"), { className: "tip", popover: "manual", ariaHidden: "true" }));
  box.textContent = text;
  box.showPopover?.();
  shownFor = el;
  const at = el.getBoundingClientRect();
  const size = box.getBoundingClientRect();
  const below = at.bottom + 6 + size.height < innerHeight;
  box.style.top = `${below ? at.bottom + 6 : at.top - 6 - size.height}px`;
  box.style.left = `${Math.max(4, Math.min(innerWidth - size.width - 4, at.left + at.width / 2 - size.width / 2))}px`;
}

function hide(): void {
  clearTimeout(timer);
  if (box?.matches(":popover-open")) box.hidePopover();
  shownFor = undefined;
}

const texts = new WeakMap<HTMLElement, string>();

/** v-tip="text": on hover after a moment, on keyboard focus at once, gone with Esc, press or scroll. */
export const vTip: Directive<HTMLElement, string> = {
  mounted(el, { value }) {
    texts.set(el, value);
    const show = (): void => {
      const text = texts.get(el);
      if (text) place(el, text);
    };
    el.addEventListener("pointerenter", (e) => {
      clearTimeout(timer);
      if (e.pointerType === "mouse") timer = setTimeout(show, waitMs);
    });
    el.addEventListener("focus", () => el.matches(":focus-visible") && show());
    for (const name of ["pointerleave", "pointerdown", "blur"] as const) el.addEventListener(name, hide);
    el.addEventListener("keydown", (e) => e.key === "Escape" && hide());
  },
  updated(el, { value }) {
    texts.set(el, value);
    if (shownFor === el && box) box.textContent = value;
  },
  beforeUnmount(el) {
    if (shownFor === el) hide();
  },
};
