// What a new company still has to do before its first customer is answered. Each step looks for itself whether it is done.
import { computed, ref, shallowRef } from "vue";
import { api, type Site } from "../api";
import { may, me } from "../session";

export type Step = "knowledge" | "site" | "snippet" | "hours" | "try";
export const steps: readonly Step[] = ["knowledge", "site", "snippet", "hours", "try"];

export const guideSite = shallowRef<Site>();
const done = ref<Partial<Record<Step, boolean>>>();
export const isDone = (s: Step): boolean => done.value?.[s] ?? false;
export const doneCount = computed(() => steps.filter(isDone).length);
/** The first that is not done; undefined once all are. */
export const currentStep = computed(() => steps.find((s) => !isDone(s)));

const hiddenKey = (): string => `guide-hidden:${me.value?.tenant ?? ""}`; // also set once all is done: it need not be looked at again
const seenKey = (): string => `guide-seen:${me.value?.tenant ?? ""}`;
export const guideSeen = (): void => localStorage.setItem(seenKey(), "1");
const hidden = ref(false);
export function hideGuide(): void {
  localStorage.setItem(hiddenKey(), "1");
  hidden.value = true;
}
/** Whether it is offered: to who can do the steps, while some are left. */
export const guideOpen = computed(() => may("site.write") && may("knowledge.write") && !hidden.value && done.value !== undefined && currentStep.value !== undefined);

/** After signing in: finds out whether the guide is still of use, unless that is known. */
export async function offerGuide(): Promise<void> {
  hidden.value = localStorage.getItem(hiddenKey()) === "1";
  if (hidden.value || !may("site.write") || !may("knowledge.write")) return;
  await lookAtGuide();
  // A company whose customers were answered before this person ever saw the guide does not need it.
  if (!currentStep.value || (isDone("try") && localStorage.getItem(seenKey()) !== "1")) hideGuide();
}

/** Looks at how far the company is. */
export async function lookAtGuide(): Promise<void> {
  const [entries, sites, conversations, home] = await Promise.all([
    api.entries({ limit: 1 }),
    api.sites(),
    api.conversations({ limit: 1 }),
    api.home(),
  ]);
  const site = sites.items[0];
  guideSite.value = site;
  done.value = {
    knowledge: entries.items.length > 0,
    site: (site?.origins?.length ?? 0) > 0,
    snippet: conversations.items.length > 0,
    hours: Object.values(site?.hours?.week ?? {}).some((shifts) => (shifts?.length ?? 0) > 0),
    try: home.today.answered > 0 || home.days.some((d) => d.answered > 0),
  };
}

/** The address of a site with nothing behind it, https where none is said; empty when it is none. */
export function originOf(typed: string): string {
  try {
    const u = new URL(/^[a-z]+:\/\//i.test(typed) ? typed : `https://${typed}`);
    return /^https?:$/.test(u.protocol) && (u.hostname.includes(".") || u.hostname === "localhost") ? u.origin : "";
  } catch {
    return "";
  }
}
