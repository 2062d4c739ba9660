import { defineConfig } from "vite";

// One classic script, so that a page needs one tag and no module support from its own build.
export default defineConfig({
  build: {
    target: "es2020",
    lib: { entry: "src/main.ts", formats: ["iife"], name: "FrontdeskWidget", fileName: () => "widget.js" },
    reportCompressedSize: false,
  },
});
