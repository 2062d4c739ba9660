import { createApp } from "vue";
import App from "./app.vue";
import "./base.css";
import { whenSignedOut } from "./api";
import { i18n } from "./i18n";
import { listen } from "./keys";
import { router } from "./router";
import { signedOut } from "./session";
import "./theme";

whenSignedOut(signedOut);
listen();
createApp(App).use(i18n).use(router).mount("#app");
