import { createI18n } from "vue-i18n";
import { en } from "./texts/en";
import { zh } from "./texts/zh";

export type Language = "zh" | "en";

function first(): Language {
  const saved = localStorage.getItem("language");
  if (saved === "zh" || saved === "en") return saved;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export const i18n = createI18n({ legacy: false, locale: first(), fallbackLocale: "zh", messages: { zh, en } });

export function setLanguage(language: Language): void {
  i18n.global.locale.value = language;
  localStorage.setItem("language", language);
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
}
