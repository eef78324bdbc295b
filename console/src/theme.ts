// How the console looks: the paper, ink and stamps of a freight document.
import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from "@mantine/core";

/** Ink of carbon copies: what can be acted on. */
const carbon: MantineColorsTuple = [
  "#eef3fb", "#dbe5f4", "#b7cae8", "#8eabdb", "#6c90cf",
  "#5079c2", "#3c66b3", "#2f57a1", "#24498c", "#1b3b75",
];

/** A stamp on the paper: what needs attention. */
const stamp: MantineColorsTuple = [
  "#fff0eb", "#ffddd2", "#fbbba7", "#f69678", "#f27650",
  "#ec5f36", "#d94d25", "#b93d1a", "#983114", "#7c280f",
];

const leaf: MantineColorsTuple = [
  "#ebf7f0", "#d5ecdf", "#a9d8be", "#79c39b", "#52b17e",
  "#38a16b", "#2a8a59", "#1f7249", "#185c3a", "#104a2d",
];

const amber: MantineColorsTuple = [
  "#fff7e3", "#fdecc6", "#f8d88c", "#f2c24f", "#ecae22",
  "#d99a0d", "#b47d05", "#8f6200", "#724e00", "#5a3d00",
];

/** Warm greys: paper in the light. */
const gray: MantineColorsTuple = [
  "#faf9f6", "#f3f1ec", "#e8e5de", "#dad6cd", "#bdb8ad",
  "#8d897f", "#63615b", "#4c4a45", "#33322f", "#1e1d1b",
];

/** Cool near-blacks: the same desk at night. */
const dark: MantineColorsTuple = [
  "#e9e7e2", "#c9cacb", "#a3a8b0", "#767d88", "#4a515b",
  "#343a43", "#262b32", "#1c2026", "#15181c", "#101215",
];

export const theme = createTheme({
  primaryColor: "carbon",
  primaryShade: { light: 7, dark: 6 },
  colors: { carbon, stamp, leaf, amber, gray, dark, red: stamp, green: leaf, yellow: amber },
  black: "#1e1d1b",
  defaultRadius: 6,
  cursorType: "pointer",
  fontFamily: '"Plex", system-ui, -apple-system, "Segoe UI", sans-serif',
  fontFamilyMonospace: '"Plex Mono", ui-monospace, SFMono-Regular, Menlo, Consolas, monospace',
  fontSizes: { xs: "0.75rem", sm: "0.8125rem", md: "0.875rem", lg: "1rem", xl: "1.125rem" },
  lineHeights: { xs: "1.4", sm: "1.45", md: "1.5", lg: "1.5", xl: "1.4" },
  headings: {
    fontWeight: "600",
    sizes: {
      h1: { fontSize: "1.375rem", lineHeight: "1.25" },
      h2: { fontSize: "1.0625rem", lineHeight: "1.3" },
      h3: { fontSize: "0.9375rem", lineHeight: "1.35" },
    },
  },
  components: {
    Button: { defaultProps: { size: "sm" } },
    ActionIcon: { defaultProps: { variant: "subtle", color: "gray" } },
    TextInput: { defaultProps: { size: "sm" } },
    Select: { defaultProps: { size: "sm", comboboxProps: { shadow: "md" } } },
    MultiSelect: { defaultProps: { size: "sm", comboboxProps: { shadow: "md" } } },
    Badge: { defaultProps: { variant: "light", radius: "sm", tt: "none", fw: 500 } },
    Modal: { defaultProps: { centered: true, overlayProps: { backgroundOpacity: 0.4 } }, styles: { title: { fontWeight: 600, fontSize: "1rem" } } },
    Drawer: { styles: { title: { fontWeight: 600, fontSize: "1rem" } } },
  },
});

export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-body": "#ffffff",
    "--mantine-color-text": "#1e1d1b",
    "--mantine-color-dimmed": "#63615b",
    "--mantine-color-placeholder": "#716e67",
    "--mantine-color-default-border": "#dad6cd",
    "--mantine-color-error": "#b93d1a",
    "--mantine-color-anchor": "#24498c",
    "--paper": "#f7f5f0",
    "--sheet": "#ffffff",
    "--sunken": "#f3f1ec",
    "--rule": "#e6e2da",
    "--rule-strong": "#cfcabf",
    "--wash": "#efece5",
    "--chosen": "#e3ebf7",
    "--good": "#1f7249",
    "--warn": "#8f6200",
    "--bad": "#b93d1a",
    "--ink-line": "#2f57a1",
    "--line-1": "#2f57a1", "--line-2": "#b93d1a", "--line-3": "#1f7249", "--line-4": "#8f6200", "--line-5": "#7a4fa3", "--line-6": "#63615b",
    // Series beside each other: apart in hue and in lightness.
    "--series-1": "#2f57a1", "--series-2": "#d97a4a", "--series-3": "#3f9a73", "--series-4": "#d9a92b",
    "--series-5": "#7d6bb0", "--series-6": "#62a7b8", "--series-rest": "#c4beb2",
    // Bars of the status page.
    "--bar-good": "#52b17e", "--bar-fair": "#ecae22", "--bar-bad": "#d94d25",
  },
  dark: {
    "--mantine-color-body": "#15181c",
    "--mantine-color-text": "#e9e7e2",
    "--mantine-color-dimmed": "#a3a8b0",
    "--mantine-color-placeholder": "#8d939c",
    "--mantine-color-default-border": "#343a43",
    "--mantine-color-error": "#f69678",
    "--mantine-color-anchor": "#a3bee8",
    "--paper": "#101215",
    "--sheet": "#171a1f",
    "--sunken": "#1c2026",
    "--rule": "#262b32",
    "--rule-strong": "#3b424c",
    "--wash": "#1f242a",
    "--chosen": "#1d2a40",
    "--good": "#79c39b",
    "--warn": "#f2c24f",
    "--bad": "#f69678",
    "--ink-line": "#8eabdb",
    "--line-1": "#8eabdb", "--line-2": "#f69678", "--line-3": "#79c39b", "--line-4": "#f2c24f", "--line-5": "#c3a3e0", "--line-6": "#a3a8b0",
    "--series-1": "#7f9fd6", "--series-2": "#e08a5e", "--series-3": "#5fb48d", "--series-4": "#dcb54a",
    "--series-5": "#a394d0", "--series-6": "#7fbfcd", "--series-rest": "#525a64",
    "--bar-good": "#2a8a59", "--bar-fair": "#d99a0d", "--bar-bad": "#d94d25",
    // Badges: tinted paper instead of near-black.
    "--mantine-color-gray-light": "#2a3038", "--mantine-color-gray-light-color": "#c9cacb",
    "--mantine-color-carbon-light": "#20304a", "--mantine-color-carbon-light-color": "#b7cae8",
    "--mantine-color-leaf-light": "#17362a", "--mantine-color-leaf-light-color": "#a9d8be",
    "--mantine-color-amber-light": "#3a2e12", "--mantine-color-amber-light-color": "#f8d88c",
    "--mantine-color-stamp-light": "#43241b", "--mantine-color-stamp-light-color": "#fbbba7",
  },
});
