// How much a first visit costs: bytes as they are sent, requests, and how long the page blocks the hand.
import assert from "node:assert/strict";

/** Bytes of the console itself on the wire, whichever packing the browser takes. */
const BYTES_MAX = 300_000;
/** What the page asks the API for included. */
const REQUESTS_MAX = 25;
/** Of one task, and of all tasks together beyond the 50 ms that nobody feels. Other work on the machine only adds. */
const TASK_MS_MAX = 500;
const BLOCKED_MS_MAX = 1_000;
const VISITS = 3;

/** Where people come first, or stay. */
const pages = ["/", "/activity", "/models", "/playground", "/caches", "/rankings", "/status"];

/** Visits a page as somebody who has never been there. */
async function visit(open, path, encodings) {
  const page = await open("/sign-in");
  await page.waitForLoadState("networkidle");
  await page.goto("about:blank");
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  await session.send("Network.setCacheDisabled", { cacheDisabled: true });
  if (encodings) await session.send("Network.setAcceptedEncodings", { encodings });
  const sent = new Map();
  const bytes = { console: 0, api: 0 };
  session.on("Network.requestWillBeSent", ({ requestId, request }) => sent.set(requestId, new URL(request.url).pathname));
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    bytes[/^\/(api|readyz)/.test(sent.get(requestId) ?? "") ? "api" : "console"] += encodedDataLength;
  });
  await page.addInitScript(() => {
    window.longTasks = [];
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) window.longTasks.push(Math.round(entry.duration));
    }).observe({ type: "longtask", buffered: true });
  });
  await page.goto(path);
  await page.waitForLoadState("networkidle");
  const tasks = await page.evaluate(() => window.longTasks);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
  const blocked = tasks.reduce((sum, duration) => sum + duration - 50, 0);
  return { bytes: bytes.console, requests: [...sent.values()], longest: Math.max(0, ...tasks), blocked };
}

export const tests = {
  async "a first visit is small and in few requests, wherever it begins"({ open }) {
    for (const path of pages) {
      const { bytes, requests } = await visit(open, path);
      console.log(`     ${path}: ${Math.round(bytes / 1000)} kB, ${requests.length} requests`);
      assert.ok(bytes < BYTES_MAX, `${path}: ${bytes} bytes`);
      assert.ok(requests.length < REQUESTS_MAX, `${path}: ${requests.length} requests\n${requests.join("\n")}`);
    }
  },

  async "a browser that takes gzip alone, as over plain HTTP, gets no more than that either"({ open }) {
    const { bytes } = await visit(open, "/", ["gzip"]);
    console.log(`     /: ${Math.round(bytes / 1000)} kB with gzip`);
    assert.ok(bytes < BYTES_MAX, `${bytes} bytes`);
  },

  async "no first visit blocks the hand"({ open }) {
    for (const path of pages) {
      let best;
      for (let times = 0; times < VISITS; times += 1) {
        const found = await visit(open, path);
        if (!best || found.blocked < best.blocked) best = found;
        if (best.longest < TASK_MS_MAX && best.blocked < BLOCKED_MS_MAX) break;
      }
      console.log(`     ${path}: longest task ${best.longest} ms, ${best.blocked} ms blocked`);
      assert.ok(best.longest < TASK_MS_MAX && best.blocked < BLOCKED_MS_MAX, `${path}: ${best.longest} ms at once, ${best.blocked} ms in all`);
    }
  },
};
