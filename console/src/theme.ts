import { ref } from "vue";

export type Theme = "auto" | "light" | "dark";

const dark = matchMedia("(prefers-color-scheme: dark)");
const saved = localStorage.getItem("theme");
export const theme = ref<Theme>(saved === "light" || saved === "dark" ? saved : "auto");

function apply(): void {
  document.documentElement.dataset.theme = theme.value === "auto" ? (dark.matches ? "dark" : "light") : theme.value;
}
dark.addEventListener("change", apply);

export function setTheme(t: Theme): void {
  theme.value = t;
  localStorage.setItem("theme", t);
  apply();
}

/** Light and dark in turn, starting from what is shown. */
export function flipTheme(): void {
  setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
}
