import { createRouter, createWebHistory } from "vue-router";
import { api } from "./api";
import { loadMe, may, me } from "./session";
import { landing } from "./shell/places";
import SignIn from "./pages/sign-in.vue";

declare module "vue-router" {
  interface RouteMeta {
    open?: boolean; // for people who are not signed in
    need?: string; // the permission without which there is nothing to see
    title?: string; // key of the page's name
  }
}

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: "/", name: "start", component: () => import("./pages/missing.vue"), beforeEnter: () => ({ name: landing(me.value?.roles ?? []) }) },
    { path: "/sign-in", name: "sign-in", component: SignIn, meta: { open: true, title: "signIn.submit" } },
    { path: "/setup", name: "setup", component: () => import("./pages/setup.vue"), meta: { open: true, title: "setup.title" } },
    { path: "/start", name: "guide", component: () => import("./pages/guide.vue"), meta: { need: "site.write", title: "guide.title" } },
    { path: "/try", name: "try", component: () => import("./pages/try.vue"), meta: { need: "site.read", title: "guide.try" } },
    { path: "/home", name: "home", component: () => import("./pages/home.vue"), meta: { need: "insight.read", title: "nav.home" } },
    { path: "/desk/:list(waiting|mine|all|closed)?/:id?", name: "desk", component: () => import("./pages/desk.vue"), meta: { need: "conversation.read", title: "nav.desk" } },
    { path: "/knowledge", name: "knowledge", component: () => import("./pages/knowledge.vue"), meta: { need: "knowledge.read", title: "nav.knowledge" } },
    { path: "/knowledge/unanswered", name: "unanswered", component: () => import("./pages/unanswered.vue"), meta: { need: "insight.read", title: "unanswered.title" } },
    { path: "/knowledge/import/:id?", name: "import", component: () => import("./pages/import.vue"), meta: { need: "knowledge.write", title: "import.title" } },
    { path: "/knowledge/test", name: "test", component: () => import("./pages/hit-test.vue"), meta: { need: "knowledge.read", title: "test.title" } },
    { path: "/knowledge/entry/:id?", name: "entry", component: () => import("./pages/entry.vue"), meta: { need: "knowledge.read", title: "knowledge.edit" } },
    { path: "/settings/:section(company|sites|staff|keys|webhooks)?/:id?", name: "settings", component: () => import("./pages/settings.vue"), meta: { need: "site.read", title: "nav.settings" } },
    { path: "/search", name: "search", component: () => import("./pages/search.vue"), meta: { title: "search.title" } },
    { path: "/profile", name: "profile", component: () => import("./pages/profile.vue"), meta: { title: "profile.title" } },
    { path: "/shortcuts", name: "shortcuts", component: () => import("./pages/shortcuts.vue"), meta: { title: "shortcuts.title" } },
    { path: "/gallery", name: "gallery", component: () => import("./pages/gallery.vue"), meta: { title: "gallery.title" } },
    { path: "/:rest(.*)", name: "missing", component: () => import("./pages/missing.vue"), meta: { open: true, title: "missing.title" } },
  ],
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
});

// Everybody goes where they wanted: through setup on the first day, through sign-in else. What one may not see is not there.
router.beforeEach(async (to) => {
  // A page that is not there stands in the frame of who is signed in.
  if (to.name === "missing") await loadMe().catch(() => null);
  if (to.meta.open) return true;
  let who;
  try {
    who = await loadMe();
  } catch {
    return { name: "sign-in", query: { next: to.fullPath } };
  }
  if (who) return !to.meta.need || may(to.meta.need) || { name: "missing", params: { rest: to.path.slice(1) } };
  const fresh = await api.setupOpen().catch(() => ({ needed: false }));
  if (fresh.needed) return { name: "setup" };
  return { name: "sign-in", query: to.fullPath === "/" ? {} : { next: to.fullPath } };
});

// A page's file that is no longer there belongs to the version before an update: the new one is fetched whole.
router.onError((err: unknown, to) => {
  if (err instanceof TypeError && /dynamically imported module|module script failed|Importing a module/i.test(err.message)) location.assign(to.fullPath);
});
