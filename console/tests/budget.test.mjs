// How much a first visit costs: bytes as they are sent, requests, and work of the page's own thread.
import assert from "node:assert/strict";

/** Bytes of the console itself on the wire: where people come first, packed with brotli or with gzip, and elsewhere. */
const BYTES_MAX = 300_000;
const BYTES_GZIP_MAX = 310_000;
const BYTES_ELSEWHERE_MAX = 370_000;
/** On the page where people come first, and elsewhere; what a page asks the API for included. */
const REQUESTS_MAX = { "/": 36, elsewhere: 45 };
/** Processor time of the page's main thread: what else runs on the machine does not count. */
const WORK_MS_MAX = 2_500;

/** Where people come first, or stay; what is there when it is. */
const pages = {
  "/": "canvas", "/activity": "[role=table]", "/models": "[role=table]", "/playground": "textarea",
  "/caches": "canvas", "/rankings": "canvas", "/status": "[role=tabpanel]",
};

/** Visits a page as somebody who has never been there. */
async function visit(open, path) {
  const page = await open("/sign-in");
  await page.waitForLoadState("networkidle");
  await page.goto("about:blank");
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  await session.send("Network.setCacheDisabled", { cacheDisabled: true });
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const sent = new Map();
  let bytes = 0;
  session.on("Network.requestWillBeSent", ({ requestId, request }) => sent.set(requestId, request.url));
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    if (isOfConsole(sent.get(requestId))) bytes += encodedDataLength;
  });
  await page.addInitScript(() => {
    window.longTasks = [];
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) window.longTasks.push(Math.round(entry.duration));
    }).observe({ type: "longtask", buffered: true });
  });
  await page.goto(path);
  await page.locator(pages[path]).first().waitFor();
  await page.waitForLoadState("networkidle");
  const { metrics } = await session.send("Performance.getMetrics");
  const work = Math.round(1000 * metrics.find((metric) => metric.name === "TaskDuration").value);
  const tasks = await page.evaluate(() => window.longTasks);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
  return { bytes, requests: [...sent.values()], work, tasks };
}

const isOfConsole = (url) => url !== undefined && !/^\/(api|readyz)/.test(new URL(url).pathname);

export const tests = {
  async "a first visit is small, in few requests and little work, wherever it begins"({ open }) {
    for (const path of Object.keys(pages)) {
      const { bytes, requests, work, tasks } = await visit(open, path);
      const blocked = tasks.reduce((sum, duration) => sum + duration - 50, 0);
      console.log(`     ${path}: ${Math.round(bytes / 1000)} kB, ${requests.length} requests, ${work} ms of work, longest task ${Math.max(0, ...tasks)} ms, blocked ${blocked} ms`);
      assert.ok(bytes < (path === "/" ? BYTES_MAX : BYTES_ELSEWHERE_MAX), `${path}: ${bytes} bytes`);
      assert.ok(requests.length < (REQUESTS_MAX[path] ?? REQUESTS_MAX.elsewhere), `${path}: ${requests.length} requests\n${requests.join("\n")}`);
      assert.ok(work < WORK_MS_MAX, `${path}: ${work} ms of work`);
    }
  },

  async "a browser that takes gzip alone, as over plain HTTP, gets little more than that"({ open }) {
    const { requests } = await visit(open, "/");
    let bytes = 0;
    for (const url of requests.filter(isOfConsole)) {
      // Read as it is sent: fetch would unpack it.
      const answer = await fetch(url, { headers: { "accept-encoding": "gzip", accept: "text/html" } });
      const length = Number(answer.headers.get("content-length"));
      await answer.arrayBuffer();
      assert.ok(length > 0, `${url} says no length`);
      bytes += length;
    }
    console.log(`     /: ${Math.round(bytes / 1000)} kB with gzip`);
    assert.ok(bytes < BYTES_GZIP_MAX, `${bytes} bytes`);
  },
};
