import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from "vue";
import { ApiError } from "./api";
import { returns } from "./session";

export interface Load<T> {
  data: ShallowRef<T | undefined>;
  error: ShallowRef<unknown>;
  loading: Ref<boolean>;
  run: () => Promise<void>;
}

/**
 * Runs a request for a page; only the newest run's answer is kept, and none after the page is gone. What failed for want of
 * a sign-in runs again when somebody has signed in.
 */
export function useLoad<T>(get: (signal: AbortSignal) => Promise<T>): Load<T> {
  const data = shallowRef<T>();
  const error = shallowRef<unknown>();
  const loading = ref(false);
  let current: AbortController | undefined;
  const run = async (): Promise<void> => {
    current?.abort();
    const mine = (current = new AbortController());
    loading.value = true;
    try {
      const v = await get(mine.signal);
      if (mine !== current) return;
      data.value = v;
      error.value = undefined;
    } catch (err) {
      if (mine === current && !mine.signal.aborted) error.value = err;
    } finally {
      if (mine === current) loading.value = false;
    }
  };
  watch(returns, () => error.value instanceof ApiError && error.value.status === 401 && void run());
  onScopeDispose(() => {
    current?.abort();
    current = undefined;
  });
  return { data, error, loading, run };
}
