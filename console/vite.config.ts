import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [vue()],
  define: {
    __VUE_OPTIONS_API__: "false",
    __VUE_PROD_DEVTOOLS__: "false",
    __VUE_I18N_FULL_INSTALL__: "false",
    __VUE_I18N_LEGACY_API__: "false",
  },
  build: { target: "es2022", reportCompressedSize: false, modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
  // For work on the pages against a running server: FRONTDESK=http://127.0.0.1:8080 npm run dev
  server: { proxy: Object.fromEntries(["/v1", "/widget.js"].map((path) => [path, { target: process.env.FRONTDESK ?? "http://127.0.0.1:8080", changeOrigin: false, ws: true }])) },
});
