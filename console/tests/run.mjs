// Runs every test of the console, one file after another, against one demo server and one browser.
// Each file exports `tests`: names and functions that are given the stage.
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { caller, pictures, signedIn, startBrowser, startDemo } from "./stage.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const only = process.argv.slice(2);
const demo = await startDemo();
let browser;
let [passed, failed] = [0, 0];

/** A signed-in page of its own; what the browser complains about fails the test. */
async function open(path, { signedIn: wants = true, ...look } = {}) {
  const { page } = await signedIn(browser, demo.url, wants && demo.management_key, look);
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
