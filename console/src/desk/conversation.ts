import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from "vue";
import { api, ApiError, type Conversation, type Message } from "../api";
import { merge } from "./feed";

export interface Live {
  conversation: ShallowRef<Conversation | undefined>;
  messages: ShallowRef<readonly Message[]>;
  error: ShallowRef<unknown>; // why nothing can be shown
  lost: Ref<boolean>; // shown, but the server is not reached just now
  refresh: () => Promise<void>;
}

const waitSeconds = 25;

/** Follows one conversation by long polls, through server restarts, for as long as `id` names it. */
export function useConversation(id: Ref<string>): Live {
  const conversation = shallowRef<Conversation>();
  const messages = shallowRef<readonly Message[]>([]);
  const error = shallowRef<unknown>();
  const lost = ref(false);
  let following: AbortController | undefined;

  const refresh = async (): Promise<void> => {
    const of = id.value;
    const c = await api.conversation(of);
    if (of === id.value) conversation.value = c;
  };

  async function follow(of: string, stop: AbortSignal): Promise<void> {
    let cursor = 0;
    let failures = 0;
    while (!stop.aborted) {
      try {
        // The first request, and the first after a failure, asks without waiting: what is known now.
        const wait = cursor === 0 || lost.value ? 0 : waitSeconds;
        const page = await api.messages(of, cursor, wait, stop);
        if (stop.aborted) return;
        const first = cursor === 0 && messages.value.length === 0;
        if (first || page.messages.length > 0 || page.seq > cursor || lost.value) void refresh().catch(() => undefined);
        if (page.seq < cursor) messages.value = []; // the server was restored to an earlier state: start over
        else messages.value = merge(messages.value, page.messages);
        cursor = page.seq < cursor ? 0 : page.seq;
        // An empty conversation would be asked for without rest if its cursor stayed at nothing.
        if (cursor === 0) await pause(500, stop);
        failures = 0;
        lost.value = false;
        error.value = undefined;
      } catch (err) {
        if (stop.aborted) return;
        const final = err instanceof ApiError && (err.status === 404 || err.status === 403 || err.status === 401);
        if (final) {
          error.value = err;
          return;
        }
        lost.value = true;
        if (messages.value.length === 0) error.value = err;
        await pause(Math.min(10_000, 500 * 2 ** failures++) * (0.5 + Math.random() / 2), stop);
      }
    }
  }

  watch(
    id,
    (of) => {
      following?.abort();
      conversation.value = undefined;
      messages.value = [];
      error.value = undefined;
      lost.value = false;
      if (!of) return;
      following = new AbortController();
      void refresh().catch((err: unknown) => (error.value = err));
      void follow(of, following.signal);
    },
    { immediate: true },
  );
  onScopeDispose(() => following?.abort());
  return { conversation, messages, error, lost, refresh };
}

function pause(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(done, ms);
    stop.addEventListener("abort", () => {
      clearTimeout(timer);
      done();
    });
  });
}
