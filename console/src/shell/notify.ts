// Telling somebody who looks elsewhere: a desktop notification without what was said, a short sound, a number in the title.
import { ref } from "vue";
import type { Notice } from "../live";
import { choose, notify } from "./preferences";

type Ask = "default" | "granted" | "denied" | "missing";
const state = (): Ask => (typeof Notification === "undefined" ? "missing" : Notification.permission);

export const permission = ref<Ask>(state());
/** Asked too early it is refused for ever: only after it would have been useful, and not again for a month after "not now". */
export const offer = ref(false);
const laterMs = 30 * 24 * 3600_000;

export async function requestPermission(): Promise<void> {
  offer.value = false;
  if (state() === "default") await Notification.requestPermission();
  permission.value = state();
  await choose({ notify: { desktop: permission.value === "granted" } });
}

export function notNow(): void {
  offer.value = false;
  localStorage.setItem("notify-later", String(Date.now() + laterMs));
}

let audio: AudioContext | undefined;
/** Two short notes. Browsers allow sound only after the first press on a page; before, it stays silent. */
export function chime(): void {
  try {
    audio ??= new AudioContext();
    if (audio.state === "suspended") void audio.resume();
    for (const [i, pitch] of [660, 880].entries()) {
      const [tone, gain] = [audio.createOscillator(), audio.createGain()];
      const from = audio.currentTime + i * 0.12;
      tone.frequency.value = pitch;
      gain.gain.setValueAtTime(0, from);
      gain.gain.linearRampToValueAtTime(0.08, from + 0.02);
      gain.gain.exponentialRampToValueAtTime(0.001, from + 0.3);
      tone.connect(gain).connect(audio.destination);
      tone.start(from);
      tone.stop(from + 0.3);
    }
  } catch {
    // No sound card, or none allowed.
  }
}

let lastSound = 0;
const soundEveryMs = 3000;

/** Shows and sounds one notice; `text` names the person and never what was said. */
export function announce(n: Notice, text: string, go: (conversation: string) => void): void {
  const hidden = document.visibilityState === "hidden" || !document.hasFocus();
  if (!hidden) return;
  if (notify.value.sound && Date.now() - lastSound > soundEveryMs) {
    lastSound = Date.now();
    chime();
  }
  if (!notify.value.desktop && state() !== "denied" && state() !== "missing" && Date.now() > Number(localStorage.getItem("notify-later") ?? 0)) offer.value = true;
  if (!notify.value.desktop || state() !== "granted") return;
  const shown = new Notification(text, { tag: n.conversation.id, icon: "/icon.svg" });
  shown.onclick = () => {
    window.focus();
    go(n.conversation.id);
    shown.close();
  };
}
