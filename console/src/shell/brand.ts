// Whose console this is: the name, logo and colour of the company's first site.
import { computed, shallowRef } from "vue";
import { api, type Site } from "../api";
import { language } from "../i18n";
import { may } from "../session";
import { setAccent } from "../theme";

const site = shallowRef<Site>();

export const companyName = computed(() => {
  const names = site.value?.name ?? {};
  return names[language.value] ?? names[site.value?.languages[0] ?? ""] ?? Object.values(names)[0] ?? "";
});

/** Only addresses that a picture can have: never a script. */
export const logo = computed(() => {
  const address = site.value?.settings?.logo ?? "";
  return /^(https:\/\/|\/(?!\/))/.test(address) ? address : "";
});

export function wear(s: Site | undefined): void {
  site.value = s;
  setAccent(s?.settings?.colour ?? "");
}

/** Failing leaves our own look: the console works without. */
export async function loadBrand(): Promise<void> {
  if (!may("site.read")) return;
  const page = await api.sites().catch(() => undefined);
  if (page) wear(page.items[0]);
}
