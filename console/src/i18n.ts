import { computed, ref } from "vue";
import { createI18n } from "vue-i18n";
import { inLanguage } from "./texts/area";
import { catalogue } from "./texts/catalogue";
import { reader, regionOf, zoneOr } from "./time";

export type Language = "zh" | "en";

/** What a reader chose; "auto" follows the browser. */
export const chosenLanguage = ref<Language | "auto">(saved());
export const chosenZone = ref(localStorage.getItem("zone") ?? "auto");

function saved(): Language | "auto" {
  const v = localStorage.getItem("language");
  return v === "zh" || v === "en" ? v : "auto";
}

function spoken(): Language {
  if (chosenLanguage.value !== "auto") return chosenLanguage.value;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export const i18n = createI18n({
  legacy: false,
  locale: spoken(),
  fallbackLocale: "zh",
  messages: { zh: inLanguage(catalogue, "zh"), en: inLanguage(catalogue, "en") },
});

/** The language that is shown. */
export const language = computed(() => i18n.global.locale.value as Language);

function apply(): void {
  const now = spoken();
  i18n.global.locale.value = now;
  document.documentElement.lang = now === "zh" ? "zh-CN" : "en";
  // Words are Chinese or English; dates and numbers follow the reader's own region within that language.
  reader.locale = regionOf(now, navigator.languages);
  reader.zone = zoneOr(chosenZone.value, Intl.DateTimeFormat().resolvedOptions().timeZone);
}
apply();

export function setLanguage(to: Language | "auto"): void {
  chosenLanguage.value = to;
  localStorage.setItem("language", to);
  apply();
}

export function setZone(to: string): void {
  chosenZone.value = to;
  localStorage.setItem("zone", to);
  apply();
}
