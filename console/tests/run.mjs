// Runs every test of the console, one file after another, against one demo server and one browser.
// Each file exports `tests`: names and functions that are given the stage.
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { caller, pictures, startBrowser, startDemo } from "./stage.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const only = process.argv.slice(2);
const demo = await startDemo();
let browser;
let [passed, failed] = [0, 0];

/** A signed-in page of its own; what the browser complains about fails the test. */
async function open(path, { scheme = "light", width = 1360, height = 850, signedIn = true } = {}) {
  const context = await browser.newContext({ colorScheme: scheme, viewport: { width, height }, baseURL: demo.url });
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: demo.url });
  const page = await context.newPage();
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(`uncaught: ${error.message}`));
  page.on("console", (line) => line.type() === "error" && page.complaints.push(line.text()));
  if (signedIn) {
    const signIn = await context.request.post("/api/v1/console/session", {
      headers: { "x-waybill-console": "1" }, data: { key: demo.management_key },
    });
    if (!signIn.ok()) throw new Error(`sign-in: ${signIn.status()}`);
  }
  await page.goto(path);
  return page;
}

const stage = {
  demo, pictures, open,
  manage: caller(demo.url, demo.management_key),
  call: caller(demo.url, demo.inference_key),
  browser: () => browser,
};

try {
  browser = await startBrowser();
  for (const file of readdirSync(here).filter((name) => name.endsWith(".test.mjs")).sort()) {
    if (only.length > 0 && !only.some((word) => file.includes(word))) continue;
    const { tests } = await import(here + file);
    for (const [name, test] of Object.entries(tests)) {
      const began = performance.now();
      try {
        await test(stage);
        passed += 1;
        console.log(`PASS ${file}: ${name} (${((performance.now() - began) / 1000).toFixed(1)} s)`);
      } catch (error) {
        failed += 1;
        console.log(`FAIL ${file}: ${name}\n${error.stack ?? error}`);
        const pages = browser.contexts().flatMap((context) => context.pages());
        await pages.at(-1)?.screenshot({ path: `${pictures}/failed-${failed}.png` }).catch(() => {});
      }
      for (const context of browser.contexts()) await context.close();
    }
  }
} finally {
  await browser?.close();
  demo.stop();
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
