import tokens from "../../console/src/tokens.css?inline";
import styles from "./widget.css?inline";
import { mount, type Options } from "./widget";

// The script tag is the whole installation: <script src="https://HOST/widget.js" data-site="KEY" async></script>.
// It may carry data-lang (zh, en), data-theme (light, dark), data-accent (#rrggbb), data-open and data-identity.
const tag = document.currentScript;

function start(): void {
  if (!(tag instanceof HTMLScriptElement) || window.Frontdesk) return;
  const d = tag.dataset;
  if (!d.site) {
    console.error("Frontdesk: the script tag needs data-site");
    return;
  }
  const options: Options = {
    base: new URL(tag.src, location.href).origin,
    site: d.site,
    language: d.lang,
    theme: d.theme,
    accent: d.accent,
    identity: d.identity,
    open: d.open !== undefined,
    styles: [tokens, styles],
  };
  window.Frontdesk = mount(options);
  window.dispatchEvent(new CustomEvent("frontdesk:ready"));
}

if (document.body) start();
else document.addEventListener("DOMContentLoaded", start);
