import { ref } from "vue";

export interface Toast {
  id: number;
  text: string;
  bad: boolean;
  action?: { label: string; run: () => void };
}

export const toasts = ref<Toast[]>([]);
let last = 0;

/** Says something at the edge of the page for a while; what failed stays longer. */
export function toast(text: string, options: { bad?: boolean; action?: Toast["action"] } = {}): void {
  const t: Toast = { id: ++last, text, bad: options.bad ?? false, action: options.action };
  toasts.value = [...toasts.value.slice(-2), t];
  setTimeout(() => dismiss(t.id), options.bad || options.action ? 8000 : 4000);
}

export function dismiss(id: number): void {
  toasts.value = toasts.value.filter((t) => t.id !== id);
}
