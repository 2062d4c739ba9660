import { ref } from "vue";

export interface Toast {
  id: number;
  text: string;
  bad: boolean;
  action?: { label: string; run: () => void };
}

export const toasts = ref<Toast[]>([]);
let last = 0;
const most = 3; // more would cover the page; the oldest goes
const timers = new Map<number, ReturnType<typeof setTimeout>>();
const staysMs = (t: Toast): number => (t.bad || t.action ? 8000 : 4000);

/** Says something at the edge of the page for a while; what failed, or can be undone, stays longer. */
export function toast(text: string, options: { bad?: boolean; action?: Toast["action"] } = {}): void {
  // The same again is not a second line: it starts the time anew.
  const same = toasts.value.find((t) => t.text === text && !t.action && !options.action);
  if (same) return resume(same);
  const t: Toast = { id: ++last, text, bad: options.bad ?? false, action: options.action };
  for (const old of toasts.value.slice(0, Math.max(0, toasts.value.length + 1 - most))) dismiss(old.id);
  toasts.value = [...toasts.value, t];
  resume(t);
}

export function dismiss(id: number): void {
  clearTimeout(timers.get(id));
  timers.delete(id);
  toasts.value = toasts.value.filter((t) => t.id !== id);
}

/** While somebody points at it or tabs into it, it stays. */
export function hold(t: Toast): void {
  clearTimeout(timers.get(t.id));
}

export function resume(t: Toast): void {
  clearTimeout(timers.get(t.id));
  timers.set(t.id, setTimeout(() => dismiss(t.id), staysMs(t)));
}
