// How the widget fits into a page: its styles, the page's language, light and dark, the company's colour.

/**
 * Puts the styles into the shadow root as constructed sheets, which a strict content security policy allows. The tokens
 * move from the host element, where the page's own styles would win, to our root inside.
 */
export function dress(root: ShadowRoot, tokens: string, styles: string, accent?: string): void {
  const sheets = [sheet(inside(tokens)), sheet(styles)];
  if (accent && /^#[0-9a-f]{6}$/i.test(accent)) sheets.push(sheet(palette(accent)));
  root.adoptedStyleSheets = sheets;
}

/** The tokens for our root instead of the page's or the host element, in light and dark, minified or not. */
export function inside(tokens: string): string {
  return tokens.replace(/:root(\[[^\]]*\])?\s*,/g, "").replace(/:host\((\[[^\]]*\])\)/g, ".root$1").replace(/:host/g, ".root");
}

function sheet(text: string): CSSStyleSheet {
  const s = new CSSStyleSheet();
  s.replaceSync(text);
  return s;
}

const grounds = { light: "#ffffff", dark: "#151b23" }; // --surface of the tokens
const ink = "#10151c";
const readable = 4.6; // WCAG AA for text, and a little

/** The accent's variables in light and dark: the company's colour where it is a ground, one that can be read where it is text. */
export function palette(accent: string): string {
  const rules = (Object.keys(grounds) as (keyof typeof grounds)[]).map((theme) => {
    const ground = grounds[theme];
    const away = theme === "light" ? "#000000" : "#ffffff";
    // On a dark page a dark accent would be lost: it is lightened until it stands out.
    const fill = theme === "dark" ? until(accent, away, (c) => contrast(c, ground) >= 3) : accent;
    const on = contrast("#ffffff", fill) >= contrast(ink, fill) ? "#ffffff" : ink;
    const soft = mix(ground, fill, theme === "light" ? 0.1 : 0.2);
    const text = until(accent, away, (c) => contrast(c, ground) >= readable && contrast(c, soft) >= readable);
    const ground2 = until(fill, on === ink ? "#ffffff" : "#000000", (c) => contrast(on, c) >= readable);
    const select = theme === "light" ? ".root" : '.root[data-theme="dark"]';
    return `${select} { --accent: ${ground2}; --on-accent: ${on}; --accent-hover: ${mix(ground2, on === ink ? "#ffffff" : "#000000", 0.14)}; --accent-soft: ${soft}; --accent-text: ${text}; --focus: ${text}; }`;
  });
  return rules.join("\n");
}

/** Moves a colour towards another until it is good enough. */
function until(from: string, to: string, good: (c: string) => boolean): string {
  for (let part = 0; part < 1; part += 0.05) {
    const c = mix(from, to, part);
    if (good(c)) return c;
  }
  return to;
}

const channels = (hex: string): number[] => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

function mix(a: string, b: string, part: number): string {
  const to = channels(b);
  return `#${channels(a)
    .map((x, i) => Math.round(x + ((to[i] ?? 0) - x) * part).toString(16).padStart(2, "0"))
    .join("")}`;
}

/** WCAG contrast of two colours, 1 to 21. */
export function contrast(a: string, b: string): number {
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

/** WCAG relative luminance. */
export function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = channels(hex).map((n) => {
    const c = n / 255;
    return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** Follows the page's language, unless the tag fixed one. Returns the way to set it, and the way to stop. */
export function watchLanguage(fixed: string | undefined, on: (tag: string) => void): { set(tag: string): void; stop(): void } {
  let tag = fixed;
  const tell = (): void => on(tag || document.documentElement.lang || navigator.language);
  const seen = new MutationObserver(tell);
  seen.observe(document.documentElement, { attributes: true, attributeFilter: ["lang"] });
  tell();
  return {
    set: (t) => {
      tag = t;
      tell();
    },
    stop: () => seen.disconnect(),
  };
}

/** Follows the device's light or dark, unless a theme is set. Returns the way to set it, and the way to stop. */
export function watchTheme(el: HTMLElement, fixed: string | undefined): { set(theme: string): void; stop(): void } {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let theme = fixed;
  const apply = (): void => {
    el.dataset.theme = theme === "light" || theme === "dark" ? theme : dark.matches ? "dark" : "light";
  };
  dark.addEventListener("change", apply);
  apply();
  return {
    set: (t) => {
      theme = t;
      apply();
    },
    stop: () => dark.removeEventListener("change", apply),
  };
}
