import { createRouter, createWebHistory } from "vue-router";
import { api } from "./api";
import { loadMe } from "./session";
import SignIn from "./pages/sign-in.vue";

declare module "vue-router" {
  interface RouteMeta {
    open?: boolean; // for people who are not signed in
    title?: string; // key of the page's name
  }
}

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: "/", redirect: "/home" },
    { path: "/sign-in", name: "sign-in", component: SignIn, meta: { open: true, title: "signIn.submit" } },
    { path: "/setup", name: "setup", component: () => import("./pages/setup.vue"), meta: { open: true, title: "setup.title" } },
    { path: "/home", name: "home", component: () => import("./pages/home.vue"), meta: { title: "nav.home" } },
    { path: "/desk/:list(waiting|mine|all)?/:id?", name: "desk", component: () => import("./pages/desk.vue"), meta: { title: "nav.desk" } },
    { path: "/knowledge", name: "knowledge", component: () => import("./pages/knowledge.vue"), meta: { title: "nav.knowledge" } },
    { path: "/knowledge/import", name: "import", component: () => import("./pages/import.vue"), meta: { title: "import.title" } },
    { path: "/knowledge/test", name: "test", component: () => import("./pages/hit-test.vue"), meta: { title: "test.title" } },
    { path: "/knowledge/entry/:id?", name: "entry", component: () => import("./pages/entry.vue"), meta: { title: "knowledge.edit" } },
    { path: "/settings", name: "settings", component: () => import("./pages/settings.vue"), meta: { title: "nav.settings" } },
    { path: "/gallery", name: "gallery", component: () => import("./pages/gallery.vue"), meta: { title: "gallery.title" } },
    { path: "/:rest(.*)", name: "missing", component: () => import("./pages/missing.vue"), meta: { open: true, title: "missing.title" } },
  ],
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
});

// Everybody goes where they wanted: through setup on the first day, through sign-in else.
router.beforeEach(async (to) => {
  if (to.meta.open) return true;
  let who;
  try {
    who = await loadMe();
  } catch {
    return { name: "sign-in", query: { next: to.fullPath } };
  }
  if (who) return true;
  const fresh = await api.setupOpen().catch(() => ({ needed: false }));
  if (fresh.needed) return { name: "setup" };
  return { name: "sign-in", query: to.fullPath === "/home" ? {} : { next: to.fullPath } };
});
