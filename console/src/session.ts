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
    setCsrf(m.csrf);
    me.value = m;
  } catch (err) {
    if (!(err instanceof ApiError) || (err.status !== 401 && err.status !== 403)) throw err;
    me.value = null;
  }
  return me.value ?? null;
}

export async function signIn(email: string, password: string): Promise<void> {
  const m = await api.signIn(email, password);
  setCsrf(m.csrf);
  me.value = m;
}

export async function signOut(): Promise<void> {
  await api.signOut().catch(() => undefined); // the cookie may be gone already
  me.value = null;
}

/** Whether to offer something. It only hides what would be refused: the server decides. */
export function may(permission: string): boolean {
  return me.value?.permissions.includes(permission) ?? false;
}
