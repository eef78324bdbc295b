// A Vite plugin: `virtual:mantine.css` holds the styles of the Mantine components that we use, and of
// those that they use, instead of the styles of all of them (a third of the bytes).
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const NAME = "virtual:mantine.css";
const root = fileURLToPath(new URL("..", import.meta.url));
const mantine = join(root, "node_modules/@mantine");
const core = join(mantine, "core");
/** Styles that belong to no component. */
const ALWAYS = ["baseline", "default-css-variables", "global"];

/** Colours of Mantine's that no theme of ours has. */
const FOREIGN = /^\s*--mantine-color-(pink|grape|violet|indigo|cyan|teal|lime|orange)-[^;]*;\n/gm;

/** Every file below a folder whose name ends so. */
const files = (folder, end) =>
  readdirSync(folder, { recursive: true }).filter((name) => end.test(name)).map((name) => join(folder, name));

/** The names that our code, and Mantine's own packages beside the core, import from the core. */
function used() {
  const sources = [
    ...files(join(root, "src"), /\.tsx?$/),
    ...["spotlight", "notifications"].flatMap((name) => files(join(mantine, name, "esm"), /\.mjs$/)),
  ];
  const names = new Set();
  for (const source of sources) {
    for (const found of readFileSync(source, "utf8").matchAll(/import\s*\{([^}]+)\}\s*from\s*"@mantine\/core"/g)) {
      found[1].split(",").forEach((name) => names.add(name.trim().split(/\s/)[0]));
    }
  }
  return names;
}

/** The style files that are reached from these components. */
function styles(names) {
  const seen = new Set();
  const found = new Set(ALWAYS);
  const queue = [...names].map((name) => join(core, "esm/components", name, `${name}.mjs`)).filter(existsSync);
  while (queue.length > 0) {
    const file = queue.pop();
    if (seen.has(file)) continue;
    seen.add(file);
    if (file.endsWith(".module.mjs")) found.add(basename(file, ".module.mjs"));
    for (const next of readFileSync(file, "utf8").matchAll(/from "(\.[^"]+)"/g)) queue.push(resolve(dirname(file), next[1]));
  }
  return found;
}

/** Their text in the order that the whole style sheet has. */
export function text() {
  const whole = readFileSync(join(core, "styles.css"), "utf8");
  const place = (style) => whole.indexOf(style.slice(0, 60));
  return [...styles(used())]
    .map((name) => join(core, "styles", `${name}.css`)).filter(existsSync)
    .map((path) => readFileSync(path, "utf8"))
    .sort((a, b) => place(a) - place(b)).join("\n").replace(FOREIGN, "");
}

export function mantineStyles() {
  return {
    name: "mantine-styles",
    resolveId: (id) => (id === NAME ? `\0${NAME}` : undefined),
    load: (id) => (id === `\0${NAME}` ? text() : undefined),
  };
}
