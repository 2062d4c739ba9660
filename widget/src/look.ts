// How the widget fits into a page: its styles, the page's language, light and dark, the company's colour.

/** Puts the styles into the shadow root as constructed sheets, which a strict content security policy allows. */
export function dress(root: ShadowRoot, styles: string[], accent?: string): void {
  const sheets = styles.map(sheet);
  if (accent && /^#[0-9a-f]{6}$/i.test(accent)) {
    const on = luminance(accent) > 0.4 ? "#10151c" : "#ffffff";
    sheets.push(
      sheet(`:host, :host([data-theme]) { --accent: ${accent}; --on-accent: ${on}; --accent-hover: color-mix(in srgb, ${accent} 88%, black); }
:host { --accent-text: color-mix(in srgb, ${accent} 85%, black); --accent-soft: color-mix(in srgb, ${accent} 10%, white); }
:host([data-theme="dark"]) { --accent-text: color-mix(in srgb, ${accent} 45%, white); --accent-soft: color-mix(in srgb, ${accent} 25%, #10151c); }`),
    );
  }
  root.adoptedStyleSheets = sheets;
}

function sheet(text: string): CSSStyleSheet {
  const s = new CSSStyleSheet();
  s.replaceSync(text);
  return s;
}

/** WCAG relative luminance: the words on the accent are dark or white, whichever can be read. */
export function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((i) => {
    const c = parseInt(hex.slice(i, i + 2), 16) / 255;
    return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** Follows the page's language, unless the tag fixed one. */
export function watchLanguage(fixed: string | undefined, on: (tag: string) => void): void {
  const tell = (): void => on(fixed || document.documentElement.lang || navigator.language);
  if (!fixed) new MutationObserver(tell).observe(document.documentElement, { attributes: true, attributeFilter: ["lang"] });
  tell();
}

/** Follows the device's light or dark, unless a theme is set. Returns the way to set it. */
export function watchTheme(host: HTMLElement, fixed: string | undefined): (theme: string) => void {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let theme = fixed;
  const apply = (): void => {
    host.dataset.theme = theme === "light" || theme === "dark" ? theme : dark.matches ? "dark" : "light";
  };
  dark.addEventListener("change", apply);
  apply();
  return (t) => {
    theme = t;
    apply();
  };
}
