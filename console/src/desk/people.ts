import { shallowRef } from "vue";
import { api } from "../api";
import { me } from "../session";

const names = shallowRef(new Map<string, string>());
let asked = false;

/** Learns the colleagues' names once; without the right to see them, they stay "a colleague". */
export async function learnNames(): Promise<void> {
  if (asked) return;
  asked = true;
  try {
    const page = await api.staff();
    names.value = new Map(page.items.map((s) => [s.id, s.name]));
  } catch {
    asked = false;
  }
}

export function nameOf(id: string | undefined): string {
  if (!id) return "";
  return id === me.value?.id ? me.value.name : (names.value.get(id) ?? "");
}
