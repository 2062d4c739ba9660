import type { Conversation } from "../api";

export type View = "mine" | "queue" | "agent" | "all" | "closed";

/** Which comes first, as the server lists them: the longest waiting of the queue, the last begun of all, else the last changed. */
export function orderOf(view: View): (a: Conversation, b: Conversation) => number {
  const byId = (a: Conversation, b: Conversation): number => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
  if (view === "queue") return (a, b) => (a.queued_at ?? 0) - (b.queued_at ?? 0) || byId(a, b);
  if (view === "all") return (a, b) => b.opened_at - a.opened_at || byId(b, a);
  return (a, b) => b.updated_at - a.updated_at || byId(b, a);
}

export interface Shown {
  rows: readonly Conversation[];
  fresh: number; // have come, but wait for the hand to leave the list
  left: ReadonlySet<string>; // still stand there for the same reason, but no longer belong to the list
}

/**
 * The rows of a list that changes by itself. While it is held, nothing moves: rows change in place, new ones are only
 * counted, and those that went stay where they are. Letting go puts all in order at once.
 */
export class Rows {
  private byId = new Map<string, Conversation>();
  private shown: Conversation[] = [];
  private fresh = new Set<string>();
  private left = new Set<string>();
  private held = false;

  constructor(
    private order: (a: Conversation, b: Conversation) => number,
    private belongs: (c: Conversation) => boolean = () => true,
  ) {}

  get now(): Shown {
    return { rows: this.shown, fresh: this.fresh.size, left: new Set(this.left) };
  }

  /** Begins anew with the list's first page. */
  load(items: readonly Conversation[]): void {
    this.byId = new Map(items.filter(this.belongs).map((c) => [c.id, c]));
    this.fresh.clear();
    this.left.clear();
    this.settle();
  }

  /** The next page, which always comes after all there is. */
  append(items: readonly Conversation[]): void {
    const fresh = items.filter((c) => this.belongs(c) && !this.byId.has(c.id));
    for (const c of fresh) this.byId.set(c.id, c);
    this.shown = [...this.shown, ...fresh];
  }

  /** What changed, and what no longer belongs here. `whole` is false while more pages follow: what sorts behind the last row is theirs. */
  apply(changed: readonly Conversation[], gone: readonly string[], whole: boolean): void {
    const last = this.shown.at(-1);
    for (const id of gone) this.drop(id);
    for (const c of changed) {
      if (!this.belongs(c)) {
        this.update(c);
        this.drop(c.id);
        continue;
      }
      if (this.byId.has(c.id)) {
        this.left.delete(c.id);
        this.update(c);
      } else if (whole || !last || this.order(c, last) < 0) {
        this.byId.set(c.id, c);
        if (this.held) this.fresh.add(c.id);
      }
    }
    if (!this.held) this.settle();
  }

  hold(on: boolean): void {
    if (this.held === on) return;
    this.held = on;
    if (!on) this.settle();
  }

  private update(c: Conversation): void {
    if (!this.byId.has(c.id)) return;
    this.byId.set(c.id, c);
    if (!this.held) return;
    const at = this.shown.findIndex((x) => x.id === c.id);
    if (at >= 0) this.shown = this.shown.with(at, c);
  }

  private drop(id: string): void {
    if (!this.byId.has(id)) return;
    this.fresh.delete(id);
    if (this.held && this.shown.some((c) => c.id === id)) this.left.add(id);
    else this.byId.delete(id);
  }

  private settle(): void {
    for (const id of this.left) this.byId.delete(id);
    this.left.clear();
    this.fresh.clear();
    this.shown = [...this.byId.values()].sort(this.order);
  }
}

/** The filters that an address can carry beside the list's name. */
export interface Filters {
  site: string;
  language: string;
  agent: string;
}

export function passes(f: Filters): (c: Conversation) => boolean {
  return (c) => (!f.site || c.site === f.site) && (!f.language || primary(c.language) === f.language) && (!f.agent || c.agent === f.agent);
}

/** zh of zh-CN. */
export function primary(language: string): string {
  return language.toLowerCase().split("-")[0] ?? "";
}
