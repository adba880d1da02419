import { defineConfig } from "vite";

// The files are embedded into the samples under these names; they are served with entity tags, so they need no hash.
export default defineConfig({
  publicDir: false,
  build: {
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false,
    reportCompressedSize: false,
    rollupOptions: {
      // The dashboard imports its view, so the exports stay.
      preserveEntrySignatures: "exports-only",
      input: {
        shop: "src/shop.js",
        tracked: "src/tracked.js",
        audience: "src/audience.js",
        chat: "src/chat.js",
        "dashboard-shoppers": "src/dashboard/shoppers.ts",
        phoenix: "phoenix", // as it is, for pages that are not bundled
      },
      output: {
        entryFileNames: "[name].js",
        chunkFileNames: "[name].js",
        assetFileNames: "[name][extname]",
      },
    },
  },
});
