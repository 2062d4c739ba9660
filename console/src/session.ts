import { computed, ref, shallowRef } from "vue";
import { api, ApiError, setCsrf, type Me } from "./api";

/** Who is signed in; undefined until asked, null for nobody. While `expired` it is who was, and the page waits for them. */
export const me = shallowRef<Me | null>();
export const signedIn = computed(() => Boolean(me.value));
export const expired = ref(false);
/** Counts the times that somebody signed in again over a page: what failed meanwhile is asked for anew. */
export const returns = ref(0);

function become(m: Me): void {
  const before = me.value;
  setCsrf(m.csrf);
  me.value = m;
  if (!expired.value) return;
  // Somebody else at this screen must not see what the first one had open.
  if (before && before.id !== m.id) return location.assign("/");
  expired.value = false;
  returns.value++;
}

/** Asks the server once who this browser is. Throws when the server cannot be reached. */
export async function loadMe(): Promise<Me | null> {
  if (me.value !== undefined) return me.value;
  try {
    become(await api.me());
  } catch (err) {
    if (!(err instanceof ApiError) || (err.status !== 401 && err.status !== 403)) throw err;
    me.value = null;
  }
  return me.value ?? null;
}

/** Asks again what this person may do; says whether that has changed. */
export async function refreshMe(): Promise<boolean> {
  const before = me.value?.permissions.join();
  become(await api.me());
  return before !== undefined && before !== me.value?.permissions.join();
}

export async function signIn(email: string, password: string): Promise<void> {
  become(await api.signIn(email, password));
}

/** The server no longer knows this session. The page stays: see ui/again.vue. */
export function signedOut(): void {
  if (me.value) expired.value = true;
}

/** Forgets who was signed in here, without asking the server. */
export function leave(): void {
  expired.value = false;
  me.value = null;
}

export async function signOut(): Promise<void> {
  await api.signOut().catch(() => undefined); // the cookie may be gone already
  leave();
}

/** Whether to offer something. It only hides what would be refused: the server decides. */
export function may(permission: string): boolean {
  return me.value?.permissions.includes(permission) ?? false;
}

/** Where to go after signing in: only a path of this console, never an address that somebody put into a link. */
export function innerPath(next: unknown): string {
  return typeof next === "string" && /^\/(?![/\\])/.test(next) ? next : "/";
}
