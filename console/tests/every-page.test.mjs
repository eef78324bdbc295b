// What holds for every page: nothing that axe finds, in both themes; its picture; phone width; and
// how much a first visit costs.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Names and addresses of the pages; a new page gets its row. */
const pages = [
  ["models", "/models?scope=all"],
  ["model", "/models/simulated/echo"],
];

/** Bytes on the wire of a first visit. */
const BYTES_MAX = 300_000;
const REQUESTS_MAX = 25;

async function settled(page) {
  await page.waitForLoadState("networkidle");
  await page.waitForTimeout(250);
}

async function findings(page) {
  // The policy of the page allows no foreign script, so that axe comes in through the debugger.
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  return found.violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.target} ${node.failureSummary}`));
}

const perScheme = (scheme) => async ({ open, pictures }) => {
  const all = [];
  for (const [name, path] of [["sign-in", "/sign-in"], ...pages]) {
    const page = await open(path, { scheme, signedIn: name !== "sign-in" });
    await settled(page);
    await page.screenshot({ path: `${pictures}/${name}-${scheme}.png` });
    all.push(...(await findings(page)).map((finding) => `${name}: ${finding}`), ...page.complaints);
    await page.context().close();
  }
  assert.deepEqual(all, []);
};

export const tests = {
  "axe finds nothing on any page in the light": perScheme("light"),
  "axe finds nothing on any page in the dark": perScheme("dark"),

  async "every page fits a phone"({ open, pictures }) {
    for (const [name, path] of pages) {
      const page = await open(path, { width: 390, height: 844 });
      await settled(page);
      await page.screenshot({ path: `${pictures}/${name}-phone.png` });
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(overflow <= 0, `${name} is ${overflow} pixels too wide`);
      await page.context().close();
    }
  },

  async "a first visit is small, in few requests, without long tasks"({ open }) {
    const page = await open("/sign-in");
    const session = await page.context().newCDPSession(page);
    await session.send("Network.enable");
    await session.send("Network.setCacheDisabled", { cacheDisabled: true });
    let [bytes, requests] = [0, 0];
    session.on("Network.loadingFinished", (event) => { bytes += event.encodedDataLength; });
    session.on("Network.requestWillBeSent", () => { requests += 1; });
    await page.addInitScript(() => {
      window.longTasks = [];
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) window.longTasks.push(Math.round(entry.duration));
      }).observe({ type: "longtask", buffered: true });
    });
    await page.goto("/");
    await settled(page);
    const longTasks = await page.evaluate(() => window.longTasks);
    const answers = await page.evaluate(() => performance.getEntriesByType("resource")
      .filter((entry) => entry.name.includes("/api/")).reduce((sum, entry) => sum + entry.encodedBodySize, 0));
    console.log(`     first visit: ${Math.round((bytes - answers) / 1000)} kB of console, ${requests} requests, long tasks ${longTasks.join(", ") || "none"} ms`);
    assert.ok(bytes - answers < BYTES_MAX, `${bytes - answers} bytes`);
    assert.ok(requests < REQUESTS_MAX, `${requests} requests`);
    assert.ok(longTasks.every((duration) => duration < 500), longTasks.join());
  },
};
