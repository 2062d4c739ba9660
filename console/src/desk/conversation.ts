import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from "vue";
import { api, ApiError, type Conversation, type Message } from "../api";
import { live, type Colleague } from "../live";
import { returns } from "../session";
import { changeOf, merge } from "./feed";
import { desk } from "./requests";

export interface Followed {
  conversation: ShallowRef<Conversation | undefined>;
  messages: ShallowRef<readonly Message[]>;
  others: ShallowRef<readonly Colleague[]>; // who else has it open
  customerTypes: Ref<boolean>;
  loading: Ref<boolean>;
  error: ShallowRef<unknown>; // why it cannot be shown
  /** Puts in what an action answered, without waiting for the news of it. */
  know: (c: Conversation) => void;
  reload: () => void;
}

const pageSize = 200; // as the server cuts them
const retryMs = 3000;

/** Whether `a` is no older than `b`: news and answers may overtake each other. */
export function asNew(a: Conversation, b: Conversation | undefined): boolean {
  return !b || a.id !== b.id || a.epoch > b.epoch || (a.epoch === b.epoch && a.seq >= b.seq);
}

/** Follows the conversation that `id` names: what there is by the API, then all that comes by the staff socket. */
export function useConversation(id: Ref<string>): Followed {
  const conversation = shallowRef<Conversation>();
  const messages = shallowRef<readonly Message[]>([]);
  const others = shallowRef<readonly Colleague[]>([]);
  const customerTypes = ref(false);
  const loading = ref(false);
  const error = shallowRef<unknown>();
  let stop = (): void => undefined;

  function know(c: Conversation): void {
    if (c.id === id.value && asNew(c, conversation.value)) conversation.value = c;
  }
  function take(of: string, changes: readonly Message[]): void {
    if (of !== id.value) return;
    messages.value = merge(messages.value, changes);
    if (changes.some((m) => m.from === "customer")) customerTypes.value = false;
    seen();
  }
  /** Tells that somebody looks at the newest words; not while the page lies behind another. */
  function seen(): void {
    const c = conversation.value;
    if (c?.unread && document.visibilityState === "visible") live.read(c.id, messages.value.reduce((n, m) => Math.max(n, changeOf(m)), c.seq));
  }

  async function begin(of: string): Promise<void> {
    const round = { over: false };
    const stopLoading = new AbortController();
    stop = () => {
      round.over = true;
      stopLoading.abort();
    };
    loading.value = true;
    try {
      conversation.value = await api.conversation(of);
      if (round.over) return;
      let after = 0;
      for (let full = true; full; ) {
        const page = await desk.messages(of, after, stopLoading.signal);
        if (round.over) return;
        take(of, page.messages);
        full = page.messages.length >= pageSize && page.seq > after;
        after = page.seq;
      }
      error.value = undefined;
      const follow = live.follow(of, after, {
        changed(news) {
          if (news.state) know(news.state);
          take(of, news.messages);
        },
        presence: (staff) => (others.value = staff),
        typing: (on) => (customerTypes.value = on),
        failed(kind) {
          if (kind === "not_found") error.value = new ApiError(404, kind, "");
        },
      });
      stop = () => {
        round.over = true;
        follow.stop();
      };
    } catch (err) {
      if (round.over) return;
      error.value = err;
      const status = err instanceof ApiError ? err.status : -1;
      if (status !== 0 && status !== 429 && status < 500) return;
      const timer = setTimeout(() => void begin(of), retryMs);
      stop = () => {
        round.over = true;
        clearTimeout(timer);
      };
    } finally {
      if (!round.over) loading.value = false;
    }
  }

  function reload(): void {
    stop();
    if (id.value) void begin(id.value);
  }
  watch(
    id,
    () => {
      conversation.value = undefined;
      messages.value = [];
      others.value = [];
      customerTypes.value = false;
      error.value = undefined;
      reload();
    },
    { immediate: true },
  );
  watch(returns, reload);
  // While the line is cut nobody knows who is there.
  watch(live.link, (l) => l !== "live" && ((others.value = []), (customerTypes.value = false)));
  document.addEventListener("visibilitychange", seen);
  onScopeDispose(() => {
    document.removeEventListener("visibilitychange", seen);
    stop();
  });
  return { conversation, messages, others, customerTypes, loading, error, know, reload };
}
