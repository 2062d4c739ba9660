import type { LocationQuery } from "vue-router";

export interface Column<T> {
  key: string;
  label: string;
  /** What it sorts by; none, and the column cannot be sorted. On a paged list leave it out and sort on the server. */
  value?: (row: T) => string | number | undefined;
  sortable?: boolean; // sorted by whoever listens to `sort`
  align?: "right";
  width?: string;
  phone?: boolean; // false: left out on a phone
  hidden?: boolean;
}

export interface Sort {
  key: string;
  down: boolean;
}

/** The rows in order; rows without a value come last either way, equal ones stay as they were. */
export function sorted<T>(rows: readonly T[], columns: readonly Column<T>[], sort: Sort | undefined, locale: string): readonly T[] {
  const value = columns.find((c) => c.key === sort?.key)?.value;
  if (!sort || !value) return rows;
  const order = new Intl.Collator(locale, { numeric: true });
  return rows
    .map((row) => ({ row, v: value(row) }))
    .sort(({ v: a }, { v: b }) => {
      if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
      const by = typeof a === "number" && typeof b === "number" ? a - b : order.compare(String(a), String(b));
      return sort.down ? -by : by;
    })
    .map((x) => x.row);
}

/** First down or up as `firstDown` says, then the other way, then as it came. */
export function nextSort(sort: Sort | undefined, key: string, firstDown: boolean): Sort | undefined {
  if (sort?.key !== key) return { key, down: firstDown };
  return sort.down === firstDown ? { key, down: !firstDown } : undefined;
}

/** The order as an address keeps it: "name" or "-name". */
export function sortParam(sort: Sort | undefined): string | undefined {
  return sort && `${sort.down ? "-" : ""}${sort.key}`;
}

export function readSort(query: LocationQuery, columns: readonly Pick<Column<never>, "key">[]): Sort | undefined {
  const raw = typeof query.sort === "string" ? query.sort : "";
  const key = raw.replace(/^-/, "");
  return columns.some((c) => c.key === key) ? { key, down: raw.startsWith("-") } : undefined;
}
