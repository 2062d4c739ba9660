// How somebody likes their screens. It is theirs on every computer once they are signed in; before that it is this browser's.
import { computed, watch } from "vue";
import { api, type Me } from "../api";
import { chosenZone, setLanguage, setZone, type Language } from "../i18n";
import { me, signedIn } from "../session";
import { setTheme, shownTheme, type Theme } from "../theme";

export type Notify = Me["profile"]["notify"];
export interface Choice {
  language?: Language | "auto";
  theme?: Theme;
  zone?: string; // an IANA name, or auto
  notify?: Partial<Notify>;
}

const quiet: Notify = { desktop: false, sound: false, title: true, waiting: true, mine: true };
export const notify = computed<Notify>(() => me.value?.profile?.notify ?? quiet);

// What was chosen on the page of the door goes with who comes in.
let before: Choice = {};

function show(c: Choice): void {
  if (c.language) setLanguage(c.language);
  if (c.theme) setTheme(c.theme);
  if (c.zone) setZone(c.zone);
}

async function keep(c: Choice): Promise<void> {
  me.value = await api.changeMe({
    ...(c.language && { language: c.language === "auto" ? "" : c.language }),
    ...(c.theme && { theme: c.theme === "auto" ? "system" : c.theme }),
    ...(c.zone && { zone: c.zone === "auto" ? "" : c.zone }),
    ...(c.notify && { notify: c.notify }),
  });
}

/** Shows it at once, and keeps it. Throws when it could not be kept: then it holds for this browser alone. */
export async function choose(c: Choice): Promise<void> {
  show(c);
  if (signedIn.value) await keep(c);
  else before = { ...before, ...c };
}

/** Light and dark in turn, starting from what is shown. */
export const flipTheme = (): Promise<void> => choose({ theme: shownTheme.value === "dark" ? "light" : "dark" });

/** From now on the screens are as whoever is signed in likes them. */
export function followProfile(): void {
  watch(
    () => me.value?.id,
    (id) => {
      const p = me.value?.profile;
      if (!id || !p) return;
      show({
        language: p.language ?? "auto",
        zone: p.zone ?? (chosenZone.value === "auto" ? undefined : "auto"),
        ...(p.theme && { theme: p.theme === "system" ? "auto" : p.theme }),
      });
      if (Object.keys(before).length === 0) return;
      show(before);
      void keep(before).catch(() => undefined); // it is shown all the same
      before = {};
    },
    { immediate: true },
  );
}
