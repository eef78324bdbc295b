// How the console is built, and how it is developed beside a running server.
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
// @ts-expect-error it is plain JavaScript, so that tests can use it without a build
import { mantineStyles } from "./scripts/mantine-styles.mjs";

// `WAYBILL_URL=http://127.0.0.1:8080 npm run dev`: where `/api` is while developing.
const server = process.env.WAYBILL_URL ?? "http://127.0.0.1:8080";

/**
 * What has a file of its own: a visit should load few files, and little that it has no use for.
 *
 * - `libraries`: what every page needs, and browsers keep when ours changes. What is ours of it stands
 *   with the start (`index`).
 * - `plot`: charts, for pages that have one.
 * - `inputs`: what is typed into. `fields`: what pops up beside something, with its positioning.
 * - `dialogs`: what opens over the page, once somebody opens it; `waybill`: a call in full, likewise.
 */
const FILES: [string, RegExp][] = [
  ["plot", /node_modules\/uplot\/|src\/parts\/(Chart|Stack|Trend|plot)\./],
  ["libraries", /commonjsHelpers|vite\/preload-helper|node_modules\/(react|react-dom|scheduler|@tanstack|use-sync-external-store|openapi-fetch|clsx|get-nonce)\//],
  ["libraries", /@mantine\/(core\/esm\/core|hooks|store)\//],
  ["libraries", /@mantine\/core\/esm\/components\/(ScrollArea\/utils\/to-int|(Alert|ActionIcon|Anchor|Badge|Burger|Button|CloseButton|FloatingIndicator|Group|Kbd|Loader|Paper|Progress|SegmentedControl|SimpleGrid|Skeleton|Stack|Tabs|Text|Title|Transition|UnstyledButton)\/)/],
  ["libraries", /@tabler\/icons-react\//],
  ["inputs", /@mantine\/core\/esm\/(utils\/InputsGroupFieldset|components\/(Combobox\/(Combobox\.module|ComboboxChevron|get-parsed-combobox-data)|(Input|InputBase|NativeSelect|TextInput)\/))|src\/parts\/Choose\./],
  ["menu", /@mantine\/core\/esm\/components\/Menu\//],
  ["snippets", /src\/parts\/snippets\//],
  ["waybill", /src\/pages\/activity\/(Waybill|Attempts)\./],
  ["dialogs", /@mantine\/core\/esm\/components\/(Modal|ModalBase|Drawer)\/|node_modules\/(react-remove-scroll|react-remove-scroll-bar|react-style-singleton|use-sidecar|use-callback-ref|tslib)\/|src\/parts\/Question\./],
  ["fields", /node_modules\/@floating-ui\/|@mantine\/core\/esm\/(utils\/(Floating|InlineInput)|components\/(Accordion\/AccordionChevron\.|Radio\/RadioIcon\.|(Checkbox|Combobox|FocusTrap|Indicator|Overlay|Popover|Portal|ScrollArea|Select|Switch|VisuallyHidden)\/))|src\/parts\/(Filters|NumberField)\./],
  ["index", /index\.html|virtual:mantine|src\/(main|styles|theme|router|shell\/(?!Palette)|api\/(?!schema)|pages\/(Broken|Lost)|parts\/(Figures|Made|States|Page|links|format|notices|useMinute|useRows|Sheet|Table|lazily|slugs|confirm|words))/],
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
    modulePreload: { polyfill: false },
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
