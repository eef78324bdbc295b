// What holds for every page: nothing that axe finds, in both themes; its picture; phone width.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Names and addresses of the pages; a new page gets its row. */
const pages = [
  ["overview", async ({ call }) => {
    await call("/chat/completions", { ...hello, stream: true });
    return "/?days=1";
  }],
  ["activity", "/activity"],
  ["session", async ({ call }) => {
    await call("/chat/completions", { ...hello, session_id: "every-page" });
    return "/sessions/every-page";
  }],
  ["sessions", async ({ call }) => {
    await call("/chat/completions", { ...hello, session_id: "every-page" });
    return "/sessions?by=cost";
  }],
  ["caches", "/caches?days=7"],
  ["rankings", "/rankings"],
  ["status", "/status"],
  ["providers", "/providers"],
  ["health", async ({ call }) => {
    await call("/chat/completions", hello);
    return "/providers?view=health";
  }],
  ["every-provider", "/providers?view=all"],
  ["destinations", async ({ manage }) => {
    const config = { publicKey: "pk-lf-0123456789", secretKey: "sk-lf-0123456789" };
    if ((await manage("/observability/destinations")).total_count === 0) {
      await manage("/observability/destinations", { type: "langfuse", name: "Traces", config, enabled: false });
    }
    return "/destinations";
  }],
  ["models", "/models?scope=all"],
  ["model", "/models/simulated/echo"],
  ["start", "/start"],
  ["playground", "/playground?models=simulated/echo,simulated/gemini"],
  ["call", async ({ call }) => `/activity/${(await call("/chat/completions", hello)).id}`],
  ["keys", "/keys"],
  ["budgets", "/budgets"],
  ["ledger", "/ledger"],
  ["entries", "/ledger?view=entries"],
  ["settings", "/settings"],
];

const hello = { model: "simulated/echo", messages: [{ role: "user", content: "Hello" }] };

/** Where a page is; for some of them something must be made first. */
const address = (path, stage) => (typeof path === "string" ? path : path(stage));

async function settled(page) {
  // A busy machine may take its time: nothing that axe finds on an empty page would mean anything.
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.locator("[aria-busy=true], .mantine-Skeleton-root").first().waitFor({ state: "detached" });
  await page.waitForLoadState("networkidle");
  await page.waitForTimeout(150);
}

async function findings(page) {
  // The policy of the page allows no foreign script, so that axe comes in through the debugger.
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  return found.violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.target} ${node.failureSummary}`));
}

/** On a phone nothing is wider than the screen. */
async function phone(page, name, { pictures }, scheme) {
  const size = page.viewportSize();
  await page.setViewportSize({ width: 390, height: 844 });
  await page.waitForTimeout(150);
  await page.screenshot({ path: `${pictures}/${name}-phone-${scheme}.png` });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  await page.setViewportSize(size);
  return overflow > 0 ? [`${name} is ${overflow} pixels too wide for a phone`] : [];
}

const perScheme = (scheme) => async (stage) => {
  const { open, pictures } = stage;
  const all = [];
  for (const [name, path] of [["sign-in", "/sign-in"], ...pages]) {
    const page = await open(await address(path, stage), { scheme, signedIn: name !== "sign-in" });
    await settled(page);
    await page.screenshot({ path: `${pictures}/${name}-${scheme}.png` });
    all.push(...(await phone(page, name, stage, scheme)));
    all.push(...(await findings(page)).map((finding) => `${name}: ${finding}`), ...page.complaints);
    await page.context().close();
  }
  assert.deepEqual(all, []);
};

export const tests = {
  "axe finds nothing on any page in the light, and all fit a phone": perScheme("light"),
  "axe finds nothing on any page in the dark, and all fit a phone": perScheme("dark"),
};
