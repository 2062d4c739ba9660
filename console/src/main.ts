import { createApp } from "vue";
import App from "./app.vue";
import "./base.css";
import { whenSignedOut } from "./api";
import { i18n, setLanguage } from "./i18n";
import { router } from "./router";
import { me } from "./session";
import "./theme";

setLanguage(i18n.global.locale.value);
whenSignedOut(() => {
  if (!me.value) return;
  me.value = null;
  void router.replace({ name: "sign-in", query: { next: router.currentRoute.value.fullPath, expired: "1" } });
});
createApp(App).use(i18n).use(router).mount("#app");
