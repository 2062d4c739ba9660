import { computed, shallowRef } from "vue";
import { api, ApiError, setCsrf, type Me } from "./api";

/** Who is signed in; undefined until asked, null for nobody. */
export const me = shallowRef<Me | null>();
export const signedIn = computed(() => Boolean(me.value));

/** Asks the server once who this browser is. Throws when the server cannot be reached. */
export async function loadMe(): Promise<Me | null> {
  if (me.value !== undefined) return me.value;
  try {
    const m = await api.me();
    if (m.csrf) setCsrf(m.csrf);
    me.value = m;
  } catch (err) {
    if (!(err instanceof ApiError) || (err.status !== 401 && err.status !== 403)) throw err;
    me.value = null;
  }
  return me.value ?? null;
}

export async function signIn(email: string, password: string): Promise<void> {
  const { csrf } = await api.signIn(email, password);
  setCsrf(csrf);
  me.value = undefined;
  await loadMe();
}

export async function signOut(): Promise<void> {
  await api.signOut().catch(() => undefined); // the cookie may be gone already
  me.value = null;
}

const writers: Record<string, string[]> = {
  "conversation.handle": ["owner", "supervisor", "agent"],
  "knowledge.write": ["owner", "supervisor", "analyst"],
  "insight.read": ["owner", "supervisor", "agent", "analyst", "compliance", "auditor"],
  "conversation.read": ["owner", "supervisor", "agent", "analyst", "compliance", "auditor"],
  "site.write": ["owner", "integrator"],
  "staff.read": ["owner", "supervisor", "agent", "compliance", "auditor"],
  "staff.write": ["owner"],
  "key.read": ["owner", "auditor", "integrator"],
  "key.write": ["owner", "integrator"],
};

/** Whether to offer something. It only hides what would be refused: the server decides. */
export function may(permission: string): boolean {
  const m = me.value;
  if (!m) return false;
  if (m.permissions) return m.permissions.includes(permission);
  return m.roles.some((r) => writers[permission]?.includes(r) ?? true);
}
