import { ref } from "vue";
import { shades } from "./colour";

export type Theme = "auto" | "light" | "dark";

const dark = matchMedia("(prefers-color-scheme: dark)");
const saved = localStorage.getItem("theme");
export const theme = ref<Theme>(saved === "light" || saved === "dark" ? saved : "auto");
/** What is shown now, whatever was chosen. */
export const shownTheme = ref<"light" | "dark">("light");

let accent = "";

function apply(): void {
  shownTheme.value = theme.value === "auto" ? (dark.matches ? "dark" : "light") : theme.value;
  const root = document.documentElement;
  root.dataset.theme = shownTheme.value;
  const made = shades(accent, shownTheme.value);
  for (const name of ["accent", "accent-hover", "accent-soft", "accent-text", "on-accent"] as const) {
    if (made) root.style.setProperty(`--${name}`, made[name]);
    else root.style.removeProperty(`--${name}`);
  }
}
dark.addEventListener("change", apply);
apply();

export function setTheme(t: Theme): void {
  theme.value = t;
  localStorage.setItem("theme", t);
  apply();
}

/** The company's colour, #rrggbb; anything else goes back to our own. */
export function setAccent(colour: string): void {
  accent = colour;
  apply();
}
