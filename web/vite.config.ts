import { defineConfig } from "vite";

/** The page, into dist/web: nothing in it comes from elsewhere, and nothing is inlined that its policy would refuse. */
export default defineConfig({
  root: import.meta.dirname,
  base: "/",
  build: {
    outDir: "../dist/web",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
});
