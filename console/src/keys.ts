// One listener for the keys of the whole console. A page asks for keys while it lives; the newest page's come first.
import { onScopeDispose } from "vue";

export const isMac = typeof navigator !== "undefined" && /Mac|iPhone|iPad/.test(navigator.platform);

const caps: Record<string, string> = { mod: isMac ? "⌘" : "Ctrl", shift: isMac ? "⇧" : "Shift", alt: isMac ? "⌥" : "Alt", up: "↑", down: "↓", enter: "Enter", escape: "Esc", space: "Space", home: "Home", end: "End" };

/** "mod+k" as [["Ctrl", "K"]], "g h" as [["G"], ["H"]]. */
export function keyCaps(keys: string): string[][] {
  return keys.split(" ").map((step) => step.split("+").map((k) => caps[k] ?? (k.length === 1 ? k.toUpperCase() : k)));
}

/** The name of what was pressed, in the same writing: "mod+k", "shift+enter", "?". */
export function pressed(e: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey">): string {
  const names: Record<string, string> = { ArrowUp: "up", ArrowDown: "down", " ": "space", Escape: "escape", Enter: "enter" };
  const key = names[e.key] ?? e.key.toLowerCase();
  // Shift is part of a sign such as "?", and only counts beside keys that are the same with it.
  const shift = e.shiftKey && (key.length > 1 || /[a-z]/.test(key));
  return `${e.ctrlKey || e.metaKey ? "mod+" : ""}${e.altKey ? "alt+" : ""}${shift ? "shift+" : ""}${key}`;
}

/** Whether the key belongs to what has the focus: letters to fields, arrows and Enter to menus and dialogs. */
export function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || /^(TEXTAREA|SELECT)$/.test(target.tagName)) return true;
  return target instanceof HTMLInputElement && !/^(checkbox|radio|button|submit|color|range|file)$/.test(target.type);
}

type Run = (e: KeyboardEvent) => void;
const layers: Record<string, Run>[] = [];
let first = ""; // of a sequence such as "g h"
let firstAt = 0;
const sequenceMs = 1200;

/** Handles `keys` until the calling component is gone. With "mod+" they work while typing, too. */
export function useKeys(keys: Record<string, Run>): void {
  layers.push(keys);
  onScopeDispose(() => void layers.splice(layers.indexOf(keys), 1));
}

/** What a press means now: runs the newest handler of it, or waits for the second key of a sequence. */
export function press(e: KeyboardEvent, now = Date.now()): void {
  if (e.defaultPrevented || e.isComposing || e.keyCode === 229) return; // 229: an input method is at work
  const name = pressed(e);
  if (typing(e.target) && !name.startsWith("mod+")) return;
  if (document.querySelector("dialog:modal, [popover]:popover-open:not(.tip)") && !name.startsWith("mod+")) return;
  const sequence = first && now - firstAt < sequenceMs ? `${first} ${name}` : "";
  first = "";
  const all = layers.toReversed();
  const run = (sequence && all.find((l) => l[sequence])?.[sequence]) || all.find((l) => l[name])?.[name];
  if (run) {
    e.preventDefault();
    run(e);
  } else if (all.some((l) => Object.keys(l).some((k) => k.startsWith(`${name} `)))) {
    first = name;
    firstAt = now;
  }
}

export function listen(): void {
  addEventListener("keydown", (e) => press(e));
}
