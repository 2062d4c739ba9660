import { onScopeDispose, ref, watch, type Ref, type ShallowRef } from "vue";

/** The width an element really has: charts are drawn in it, so that letters keep their size on every screen. */
export function useWidth(el: Readonly<ShallowRef<Element | null>>, first = 520): Ref<number> {
  const width = ref(first);
  const sizes = new ResizeObserver(([e]) => e && e.contentRect.width > 0 && (width.value = Math.round(e.contentRect.width)));
  watch(el, (now, before) => {
    if (before) sizes.unobserve(before);
    if (now) sizes.observe(now);
  });
  onScopeDispose(() => sizes.disconnect());
  return width;
}
