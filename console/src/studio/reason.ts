// The server says in English why a row was not imported; here it is said in the reader's words. What is not known here, such as
// the exact fault of a line of JSON, stays as the server put it.
type Translate = (key: string, values?: Record<string, unknown>) => string;

const known: [pattern: RegExp, key: string][] = [
  [/^is empty$/, "empty"],
  [/^has (?<n>\d+) characters, at most (?<most>\d+) are allowed$/, "long"],
  [/^has more than (?<most>\d+) wordings$/, "wordings"],
  [/^has (?<n>\d+) characters in all wordings together, at most (?<most>\d+) are allowed$/, "allWordings"],
  [/^is the same as in row (?<row>\d+), with another answer$/, "twice"],
  [/^"(?<value>.*)" is the id of row (?<row>\d+) already$/, "id"],
  [/^"(?<value>.*)" is not a date such as /, "date"],
  [/^"(?<value>.*)" is not a language tag such as /, "lang"],
  [/^is (before 1970|after the year 9999)$/, "range"],
  [/^is not after valid_from$/, "order"],
  [/^is not valid UTF-8$/, "broken"],
  [/^holds the replacement character U\+FFFD/, "broken"],
  [/^is longer than 1 MB$/, "line"],
  [/^is not a known key and was left out$/, "unknown"],
];

export function reasonText(reason: string, t: Translate): string {
  for (const [pattern, key] of known) {
    const found = pattern.exec(reason);
    if (found) return t(`import.reasons.${key}`, { ...found.groups });
  }
  return reason;
}
