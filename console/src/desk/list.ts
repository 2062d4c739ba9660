import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from "vue";
import type { Conversation } from "../api";
import { live } from "../live";
import { returns } from "../session";
import { desk, type ListQuery } from "./requests";
import { orderOf, passes, Rows, type Filters, type Shown, type View } from "./rows";

/** What a list shows. A figure (of the home page) is a list of what made up a number: it has its own order and does not grow. */
export interface ListKey extends Filters {
  view: View;
  figure?: { figure: string; from?: string; to?: string; weekday?: string; hour?: string; zone?: string };
}

export interface FollowedList {
  shown: ShallowRef<Shown>;
  loading: Ref<boolean>;
  error: ShallowRef<unknown>;
  whole: Ref<boolean>; // no more pages
  more: () => Promise<void>;
  reload: () => Promise<void>;
  /** While true, nothing moves under the hand. */
  hold: (on: boolean) => void;
  put: (c: Conversation) => void;
}

const pageSize = 200;
const reloadMs = 2000; // when more changed than was told

const none: Shown = { rows: [], fresh: 0, left: new Set() };

/** Loads a list page by page and keeps it as it is now. */
export function useList(key: Ref<ListKey>): FollowedList {
  const shown = shallowRef<Shown>(none);
  const loading = ref(false);
  const error = shallowRef<unknown>();
  const whole = ref(true);
  let rows = new Rows(orderOf("all"));
  let next = "";
  let held = false;
  let round = 0;
  let follow: ReturnType<typeof live.list> | undefined;
  let soon: ReturnType<typeof setTimeout> | undefined;

  const query = (k: ListKey): ListQuery => ({
    owner: k.figure || k.view === "mine" || k.view === "all" ? undefined : k.view,
    mine: k.view === "mine" && !k.figure ? true : undefined,
    site: k.site || undefined,
    language: k.language || undefined,
    agent: k.agent || undefined,
    limit: pageSize,
    ...k.figure,
  });

  function show(): void {
    shown.value = rows.now;
    follow?.hold(shown.value.rows.slice(0, pageSize).map((c) => c.id));
  }

  async function reload(): Promise<void> {
    clearTimeout(soon);
    soon = undefined;
    const mine = ++round;
    loading.value = true;
    try {
      const page = await desk.list(query(key.value));
      if (mine !== round) return;
      // What is held stays in its place: the page comes in as changes.
      if (held && shown.value.rows.length > 0) rows.apply(page.items, [], false);
      else {
        rows.load(page.items);
        next = page.next ?? "";
        whole.value = next === "";
      }
      error.value = undefined;
      show();
    } catch (err) {
      if (mine === round) error.value = err;
    } finally {
      if (mine === round) loading.value = false;
    }
  }

  async function more(): Promise<void> {
    if (!next || loading.value) return;
    const mine = round;
    loading.value = true;
    try {
      const page = await desk.list({ ...query(key.value), cursor: next });
      if (mine !== round) return;
      rows.append(page.items);
      next = page.next ?? "";
      whole.value = next === "";
      show();
    } catch {
      // Scrolling on asks again.
    } finally {
      if (mine === round) loading.value = false;
    }
  }

  function begin(k: ListKey): void {
    follow?.stop();
    round++;
    const figure = Boolean(k.figure);
    rows = new Rows(figure ? () => 0 : orderOf(k.view), passes(k));
    rows.hold(held);
    next = "";
    whole.value = true;
    error.value = undefined;
    shown.value = none;
    follow = live.list(figure ? "all" : k.view, k.site || undefined, {
      changed(news) {
        if (figure) {
          const known = new Set(shown.value.rows.map((c) => c.id));
          rows.apply(news.items.filter((c) => known.has(c.id)), [], whole.value);
        } else rows.apply(news.items, news.gone, whole.value);
        show();
        if (news.more && !figure) soon ??= setTimeout(() => void reload(), reloadMs);
      },
      reset: () => void reload(),
    });
    void reload();
  }

  watch(key, (k, before) => JSON.stringify(k) !== JSON.stringify(before) && begin(k), { immediate: true });
  watch(returns, () => void reload());
  onScopeDispose(() => {
    follow?.stop();
    clearTimeout(soon);
    round++;
  });
  return {
    shown,
    loading,
    error,
    whole,
    more,
    reload,
    hold(on) {
      held = on;
      rows.hold(on);
      if (!on) show();
    },
    put(c) {
      rows.apply([c], [], whole.value);
      show();
    },
  };
}
