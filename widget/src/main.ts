import tokens from "../../console/src/tokens.css?inline";
import type { HostEvents } from "./events";
import { Widget } from "./widget";
import styles from "./widget.css?inline";

// The script tag is the whole installation: <script src="https://HOST/widget.js" data-site="KEY" async></script>.
// docs/widget.md has its attributes and what window.Frontdesk does.

/** What the host page may do, as window.Frontdesk. */
export interface Api {
  /** Opens the chat; a text is put into the box if that is empty, and not sent. */
  open(text?: string): void;
  close(): void;
  /** Takes the bubble away, and brings it back. */
  hide(): void;
  show(): void;
  setLanguage(language: string): void;
  setTheme(theme: string): void;
  /** Says who the customer is, by a token that the host's server signed; without one, that they signed out. */
  identify(identity?: string | null): void;
  /** Notes what the visitor does on the page. Nothing is sent before they have opened the chat. */
  track(name: string, data?: Record<string, string | number | boolean>): void;
  /** Listens to what happens, until the returned function is called. */
  on<K extends keyof HostEvents>(event: K, listener: (value: HostEvents[K]) => void): () => void;
  /** Takes everything away. */
  destroy(): void;
}

declare global {
  interface Window {
    Frontdesk?: Api;
  }
}

const tag = document.currentScript;

function start(): void {
  if (!(tag instanceof HTMLScriptElement) || window.Frontdesk) return;
  const d = tag.dataset;
  if (!d.site) {
    console.error("Frontdesk: the script tag needs data-site");
    return;
  }
  const w = new Widget({
    base: new URL(tag.src, location.href).origin,
    site: d.site,
    language: d.lang,
    theme: d.theme,
    accent: d.accent,
    identity: d.identity,
    side: d.side,
    open: d.open !== undefined,
    tokens,
    styles,
  });
  window.Frontdesk = {
    open: (text) => w.open(typeof text === "string" ? text : undefined),
    close: () => w.close(),
    hide: () => w.setHidden(true),
    show: () => w.setHidden(false),
    setLanguage: (language) => w.setLanguage(language),
    setTheme: (theme) => w.setTheme(theme),
    identify: (identity) => w.identify(identity ?? undefined),
    track: (name, data) => w.track(name, data),
    on: (event, listener) => w.on(event, listener),
    destroy: () => {
      w.destroy();
      delete window.Frontdesk;
    },
  };
  window.dispatchEvent(new CustomEvent("frontdesk:ready"));
}

if (document.body) start();
else document.addEventListener("DOMContentLoaded", start);
