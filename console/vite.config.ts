// How the console is built, and how it is developed beside a running server.
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
// @ts-expect-error it is plain JavaScript, so that tests can use it without a build
import { mantineStyles } from "./scripts/mantine-styles.mjs";

// `WAYBILL_URL=http://127.0.0.1:8080 npm run dev`: where `/api` is while developing.
const server = process.env.WAYBILL_URL ?? "http://127.0.0.1:8080";

/**
 * What has a file of its own: libraries, which browsers keep when ours change; the list and the chart, which
 * not every page has; and the small parts of most pages together.
 */
const FILES: [string, RegExp][] = [
  ["list", /node_modules\/@tanstack\/(virtual-core|react-virtual)\/|src\/parts\/Sheet\./],
  ["plot", /node_modules\/uplot\//],
  ["react", /node_modules\/(react|react-dom|scheduler)\//],
  ["parts", /@mantine\/core\/esm\/components\/(Paper|Progress|SegmentedControl|SimpleGrid|Skeleton|Table)\/|src\/parts\/(Figures|States|Page|links|words)\./],
  ["tanstack", /node_modules\/(@tanstack|use-sync-external-store)\//],
];

export default defineConfig({
  plugins: [react(), mantineStyles()],
  resolve: { alias: { "~": new URL("./src", import.meta.url).pathname } },
  server: { proxy: { "/api": server, "/healthz": server, "/readyz": server, "/metrics": server } },
  build: {
    outDir: "dist",
    emptyOutDir: true,
    // Fonts and pictures stay files of their own: the policy allows no fonts from `data:`.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    rollupOptions: {
      output: {
        // Many tiny files cost more than a few bytes too many.
        experimentalMinChunkSize: 24_000,
        onlyExplicitManualChunks: true,
        manualChunks: (id) => FILES.find(([, pattern]) => pattern.test(id))?.[0],
      },
    },
  },
});
