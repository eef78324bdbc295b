// How much a first visit costs, wherever it begins: bytes as they are sent, requests, and work of the
// page's own thread.
import assert from "node:assert/strict";
import { measured } from "./work.mjs";

/** Bytes of the console itself on the wire, packed with brotli and, as over plain HTTP, with gzip. */
const BYTES_MAX = 300_000;
/** On the page where people come first, and elsewhere; what a page asks the API for included. */
const REQUESTS_MAX = { "/": 24, elsewhere: 22 };
/** Units of work (`work.mjs`), about twice what they are: of all tasks, of the longest, and beyond one unit of each. */
const WORK_MAX = { whole: 45, longest: 9, blocked: 20 };
/** The best of so many visits counts: a page does the same work each time, and may be disturbed. */
const VISITS = 3;

/** Where people come first, or stay; what is there when it is. */
const pages = {
  "/": "canvas", "/activity": "[role=table]", "/sessions": "[role=table]", "/models": "[role=table]", "/models/simulated/echo": "table",
  "/playground": "textarea", "/start": "main button", "/caches": "canvas", "/rankings": "canvas", "/status": "[role=tabpanel]",
  "/keys": "table", "/budgets": "main h2, table", "/ledger": "main .sheet", "/providers": "table", "/destinations": "main h2", "/settings": "table",
};

const isOfConsole = (url) => url !== undefined && url.startsWith("http") && !/^\/(api|readyz)/.test(new URL(url).pathname);

/** Visits a page as somebody who has never been there. */
async function visit({ open, browser }, path) {
  const page = await open("/sign-in");
  await page.waitForLoadState("networkidle");
  await page.goto("about:blank");
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  await session.send("Network.setCacheDisabled", { cacheDisabled: true });
  const sent = new Map();
  let bytes = 0;
  session.on("Network.requestWillBeSent", ({ requestId, request }) => sent.set(requestId, request.url));
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    if (isOfConsole(sent.get(requestId))) bytes += encodedDataLength;
  });
  const work = await measured(browser(), page, session, async () => {
    await page.goto(path);
    await page.locator(pages[path]).first().waitFor();
    await page.waitForLoadState("networkidle");
  });
  assert.deepEqual(page.complaints, []);
  await page.context().close();
  return { bytes, requests: [...sent.values()].filter((url) => url.startsWith("http")), work };
}

/** Bytes of what was asked for, as a browser gets it that takes gzip alone. Read as it is sent: fetch would unpack it. */
async function gzipBytes(requests) {
  let bytes = 0;
  for (const url of requests.filter(isOfConsole)) {
    const answer = await fetch(url, { headers: { "accept-encoding": "gzip", accept: "text/html" } });
    const length = Number(answer.headers.get("content-length"));
    await answer.arrayBuffer();
    assert.ok(length > 0, `${url} says no length`);
    bytes += length;
  }
  return bytes;
}

const kB = (bytes) => Math.round(bytes / 1000);

export const tests = {
  async "a first visit is small, in few requests and little work, wherever it begins"(stage) {
    console.log("     page                     brotli  gzip  requests   work  longest  blocked (units of work)");
    const wrong = [];
    for (const path of Object.keys(pages)) {
      let { bytes, requests, work } = await visit(stage, path);
      for (let times = 1; times < VISITS; times += 1) {
        const again = await visit(stage, path);
        // A visit that takes long is asked again for what is asked again every few seconds.
        if (again.requests.length < requests.length) ({ bytes, requests } = again);
        for (const name of Object.keys(WORK_MAX)) work[name] = Math.min(work[name], again.work[name]);
      }
      const gzip = await gzipBytes(requests);
      const shown = Object.keys(WORK_MAX).map((name) => work[name].toFixed(1).padStart(7));
      console.log(`     ${path.padEnd(24)} ${kB(bytes)} kB ${kB(gzip)} kB ${String(requests.length).padStart(6)} ${shown.join("  ")}  (one is ${Math.round(work.unitMs)} ms)`);
      if (bytes >= BYTES_MAX) wrong.push(`${path}: ${bytes} bytes`);
      if (gzip >= BYTES_MAX) wrong.push(`${path}: ${gzip} bytes with gzip`);
      if (requests.length > (REQUESTS_MAX[path] ?? REQUESTS_MAX.elsewhere)) wrong.push(`${path}: ${requests.length} requests\n${requests.join("\n")}`);
      for (const [name, most] of Object.entries(WORK_MAX)) {
        if (work[name] > most) wrong.push(`${path}: ${work[name].toFixed(1)} units of ${name} work, ${most} at the most`);
      }
    }
    assert.deepEqual(wrong, []);
  },
};
