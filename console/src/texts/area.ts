/** One text, once in each language: [Chinese, English]. Values stand in braces: "{n} 条". */
export type Text = readonly [zh: string, en: string];

/** The texts of one area of the console, by key; keys nest. */
export interface Area {
  readonly [key: string]: Text | Area;
}

/** An area in one language, as vue-i18n wants it. */
export interface Messages {
  [key: string]: string | Messages;
}

const place = { zh: 0, en: 1 } as const;

export function inLanguage(area: Area, language: keyof typeof place): Messages {
  return Object.fromEntries(Object.entries(area).map(([k, v]) => [k, isText(v) ? v[place[language]] : inLanguage(v, language)]));
}

export function isText(v: Text | Area): v is Text {
  return Array.isArray(v);
}
