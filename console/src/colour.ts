// A company chooses one colour; what is drawn in it must stay readable on light and dark. Contrast is WCAG 2's.

export interface Shades {
  accent: string;
  "accent-hover": string;
  "accent-soft": string;
  "accent-text": string;
  "on-accent": string;
}

type Rgb = [number, number, number];
const surfaces = { light: "#ffffff", dark: "#151b23" } as const;
const readable = 4.5;

function parse(hex: string): Rgb | undefined {
  const m = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(hex);
  return m ? [parseInt(m[1]!, 16), parseInt(m[2]!, 16), parseInt(m[3]!, 16)] : undefined;
}

const write = (c: Rgb): string => `#${c.map((v) => Math.round(v).toString(16).padStart(2, "0")).join("")}`;

function mix(a: Rgb, b: Rgb, share: number): Rgb {
  return [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share];
}

function luminance(c: Rgb): number {
  const [r, g, b] = c.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4)) as Rgb;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** 1 to 21; 0 when one of them is no colour. */
export function contrast(a: string, b: string): number {
  const [x, y] = [parse(a), parse(b)];
  if (!x || !y) return 0;
  const [hi, lo] = [luminance(x), luminance(y)].sort((p, q) => q - p) as [number, number];
  return (hi + 0.05) / (lo + 0.05);
}

/** The colour itself where it can be read on `ground`, else the nearest shade of it that can. */
function legible(c: Rgb, ground: string, towards: Rgb): Rgb {
  for (let share = 0; share <= 1; share += 0.04) {
    const tried = mix(c, towards, share);
    if (contrast(write(tried), ground) >= readable) return tried;
  }
  return towards;
}

/** All shades of one accent for a theme; undefined when `hex` is no colour, which leaves the tokens' own. */
export function shades(hex: string, theme: "light" | "dark"): Shades | undefined {
  const c = parse(hex);
  if (!c) return undefined;
  const surface = surfaces[theme];
  const soft = mix(parse(surface)!, c, theme === "dark" ? 0.2 : 0.1);
  // Text in the accent also stands on its soft ground and on the page, which are a little nearer to it than the surface.
  const text = legible(c, write(soft), theme === "dark" ? [255, 255, 255] : [0, 0, 0]);
  const on = contrast("#ffffff", write(text)) >= readable ? "#ffffff" : "#0b1422";
  return {
    accent: write(text),
    "accent-hover": write(mix(text, theme === "dark" ? [255, 255, 255] : [0, 0, 0], 0.18)),
    "accent-soft": write(soft),
    "accent-text": write(text),
    "on-accent": on,
  };
}
