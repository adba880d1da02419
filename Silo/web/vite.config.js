import { defineConfig } from "vite";

// The pages are served by the host and name these files, so the names carry no hash: the host revalidates instead.
export default defineConfig({
  publicDir: false,
  build: {
    outDir: "../wwwroot/assets",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false,
    reportCompressedSize: false,
    rollupOptions: {
      input: { shop: "src/shop.js", tracked: "src/tracked.js" },
      output: {
        entryFileNames: "[name].js",
        chunkFileNames: "[name].js",
        assetFileNames: "[name][extname]",
      },
    },
  },
});
