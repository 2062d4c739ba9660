// On phones the panel is a sheet over the whole screen: it follows the keyboard, keeps the focus, and holds the page still.

const phone = "(max-width: 480px), (max-height: 420px) and (max-width: 960px)";

/** Makes the panel a sheet on small screens. Returns the way to tell it that the panel opened or closed, and to stop. */
export function sheet(root: HTMLElement, panel: HTMLElement, resized: () => void): { open(on: boolean): void; stop(): void } {
  const small = matchMedia(phone);
  const view = window.visualViewport;
  let isOpen = false;

  const fit = (): void => {
    const on = small.matches && isOpen;
    root.classList.toggle("sheet", small.matches);
    if (on) panel.setAttribute("aria-modal", "true");
    else panel.removeAttribute("aria-modal");
    // With the keyboard up only the visual viewport shrinks: the sheet is as high as what is left, wherever that is.
    panel.style.height = on && view ? `${view.height}px` : "";
    panel.style.top = on && view ? `${view.offsetTop}px` : "";
    panel.classList.toggle("keyboard", on && view !== null && window.innerHeight - view.height > 120);
    if (on) resized();
  };
  panel.addEventListener("keydown", (e) => small.matches && keepFocus(panel, e));
  small.addEventListener("change", fit);
  view?.addEventListener("resize", fit);
  view?.addEventListener("scroll", fit);
  fit();
  return {
    open: (on) => {
      isOpen = on;
      fit();
    },
    stop: () => {
      small.removeEventListener("change", fit);
      view?.removeEventListener("resize", fit);
      view?.removeEventListener("scroll", fit);
    },
  };
}

/** Tab goes round within what covers everything else. */
export function keepFocus(within: HTMLElement, e: KeyboardEvent): void {
  if (e.key !== "Tab") return;
  const all = [...within.querySelectorAll<HTMLElement>("button, input, select, textarea, a[href], summary, [tabindex='0']")].filter((el) => !el.matches(":disabled") && el.getClientRects().length > 0);
  const at = (within.getRootNode() as ShadowRoot).activeElement;
  const [first, last] = [all[0], all[all.length - 1]];
  if (!first || !last) return;
  if (e.shiftKey && (at === first || at === within)) {
    e.preventDefault();
    last.focus();
  } else if (!e.shiftKey && at === last) {
    e.preventDefault();
    first.focus();
  }
}
