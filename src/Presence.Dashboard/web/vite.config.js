import { defineConfig } from "vite";

// The files are embedded into the library. Their names change with their content, so browsers may keep them.
export default defineConfig({
  publicDir: false,
  build: {
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false,
    cssCodeSplit: false,
    reportCompressedSize: false,
    rollupOptions: {
      input: { dashboard: "src/main.ts" },
      output: {
        entryFileNames: "dashboard-[hash].js",
        chunkFileNames: "dashboard-[name]-[hash].js",
        assetFileNames: "dashboard-[hash][extname]",
      },
    },
  },
});
