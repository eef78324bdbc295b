// Opens the pages that look at many calls on a server that runs already, and says how long each took
// until its first rows or pictures were there, and the slowest of its questions. Nothing is asserted:
//   WAYBILL_URL=http://127.0.0.1:8080 WAYBILL_KEY=sk-wb-v1-… npm run against
import { caller, pictures, signedIn, startBrowser } from "./stage.mjs";

const { WAYBILL_URL: url, WAYBILL_KEY: key } = process.env;
if (!url || !key) {
  console.error("WAYBILL_URL and WAYBILL_KEY (a management key) say which server is to be looked at");
  process.exit(2);
}
const manage = caller(url, key);

/** Rows of the list, the words that there are none, or how far back a search has looked so far. */
const LIST = "[role=table] [role=cell], main h2, main [role=status]";

/** Every filter of the list of calls, with values that the newest and the dearest of them have. */
async function filters() {
  const { data: newest } = await manage("/generations?limit=200");
  const of = (name) => newest.map((one) => one[name]).find((value) => value !== null && value !== undefined && value !== "");
  const [model, provider, endpoint, app, session, hash] = ["model", "provider_name", "endpoint", "app_title", "session_id", "api_key_hash"].map(of);
  const providers = (await manage("/providers")).data;
  const slug = providers.find((one) => one.name === provider)?.slug ?? endpoint?.split("/")[0];
  const cost = [...newest].sort((a, b) => (b.total_cost ?? 0) - (a.total_cost ?? 0))[0]?.total_cost;
  const day = 86_400_000;
  const iso = (ago) => new Date(Date.now() - ago).toISOString();
  return Object.entries({
    "without a filter": {}, "last hour": { span: 3600 }, "last 30 days": { span: 2_592_000 },
    "a month ago": { from: iso(31 * day), to: iso(30 * day) },
    failed: { outcome: "failed" }, cancelled: { outcome: "cancelled" }, "status 429": { status: "429" }, "status 503": { status: "503" },
    key: { key: hash }, model: { model }, provider: { provider: slug }, endpoint: { endpoint }, app: { app }, session: { session },
    "dear calls": { cost: cost || 0.01 }, "a cost that none has": { cost: 1_000_000 }, "slow calls": { latency: 60_000 },
    "a text": { q: model?.split("/")[1] }, "a text that is nowhere": { q: "nowhere-to-be-found" }, "model and failed": { model, outcome: "failed" },
  }).filter(([, search]) => Object.values(search).every((value) => value !== undefined));
}

/** Pages, each with what is there when it can be used. */
async function pages() {
  const { data: sessions } = await manage("/sessions?limit=1&sort=cost");
  // Records may be of models that this server's catalog does not have.
  const [model] = (await manage("/models")).data.map((one) => one.id);
  const found = [
    ...[1, 7, 30, 90].map((days) => [`overview, ${days} days`, `/?days=${days}`, "section canvas"]),
    ...(await filters()).map(([name, search]) => [`activity, ${name}`, `/activity?${new URLSearchParams(search)}`, LIST]),
    ["sessions by last call", "/sessions", LIST], ["sessions by cost", "/sessions?by=cost", LIST], ["sessions by cost, 7 days", "/sessions?by=cost&days=7", LIST],
    ...sessions.map(({ id }) => ["the dearest session", `/sessions/${encodeURIComponent(id)}`, LIST]),
    ["models", "/models", LIST], ["a model's page", `/models/${model}`, "table, main h2"],
    ["cache health, 24 hours", "/caches", "canvas, main h2"], ["cache health, 30 days", "/caches?days=30", "canvas, main h2"],
    ["rankings, 30 days", "/rankings", "canvas, main h2"], ["rankings, 90 days by week", "/rankings?days=90&per=week", "canvas, main h2"],
    ["status", "/status", "[role=tabpanel]"], ["keys", "/keys", "table, main h2"], ["ledger", "/ledger", "main .sheet"], ["health of endpoints", "/providers?view=health", "table, main h2"],
  ];
  return found;
}

const browser = await startBrowser();
const { page } = await signedIn(browser, url, key);
// Everything that browsers keep is there before the first figure.
await page.goto("/");
await page.waitForLoadState("networkidle");
console.log("first rows  all there  page (its slowest question)");
let failed = 0;
for (const [name, path, there] of await pages()) {
  const asked = [];
  const note = async (request) => {
    const { pathname, search } = new URL(request.url());
    if (pathname.startsWith("/api")) asked.push([request.timing().responseEnd, `${request.method()} ${pathname}${search}`.slice(0, 110)]);
  };
  page.on("requestfinished", note);
  const wrong = page.complaints.length;
  const began = performance.now();
  await page.goto(path, { waitUntil: "commit" });
  const isThere = await page.locator(there).first().waitFor({ timeout: 30_000 }).then(() => true, () => false);
  const first = performance.now() - began;
  await page.waitForLoadState("networkidle").catch(() => {});
  // Half a second of it is what "idle" means.
  const all = Math.max(first, performance.now() - began - 500);
  page.off("requestfinished", note);
  const [longest, question] = asked.sort((a, b) => b[0] - a[0])[0] ?? [0, "nothing asked"];
  const trouble = [...(isThere ? [] : ["nothing came"]), ...page.complaints.slice(wrong)];
  failed += trouble.length > 0 ? 1 : 0;
  console.log(`${first.toFixed(0).padStart(7)} ms ${all.toFixed(0).padStart(7)} ms  ${name} (${longest.toFixed(0)} ms ${question})${trouble.length > 0 ? ` WRONG: ${trouble.join("; ")}` : ""}`);
  await page.screenshot({ path: `${pictures}/against-${name.replace(/[^a-z0-9]+/gi, "-")}.png` });
}
await browser.close();
process.exit(failed > 0 ? 1 : 0);
