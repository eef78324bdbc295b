// Every number that was computed from calls leads to what it is made of and has its unit, on every page.
import assert from "node:assert/strict";

const hello = { model: "simulated/echo", messages: [{ role: "user", content: "Hello" }] };

/** Runs in the page: what looks like a measure, where it leads, and numbers without a unit. */
function scan() {
  // Money, and numbers with the unit of something that was counted or timed.
  const measure = /\$\d|\d[kMB]?[\s\u202f]?(ms|µs|s|min|h|%|tok\/s|tokens?|calls?|failed|unpriced|saved|lost|in|out)(?![\w/])/;
  const bare = /^[−-]?\d[\d,]*(\.\d+)?[kKMB]?(, \d[\d,]*(\.\d+)?[kKMB]?)?$/;
  const units = /calls|tokens|turns|units/i;
  // What can be pressed or chosen says what it does; heads and captions say what stands below them.
  const silent = "button, label, select, input, textarea, time, th, caption, pre, code, canvas, svg, [role=tab], [role=columnheader], [role=progressbar], .note, .label";
  const headOf = (cell) => {
    const index = [...cell.parentElement.children].indexOf(cell);
    const ofColumn = cell.closest("table, [role=table]")?.querySelectorAll("thead th, [role=columnheader]")[index]?.textContent ?? "";
    return `${cell.parentElement.querySelector("[scope=row]")?.textContent ?? ""} ${ofColumn}`;
  };
  const seen = { linked: [], bottom: [], astray: [], unitless: [] };
  const places = document.querySelectorAll("main, [role=dialog]");
  for (const element of [...places].flatMap((place) => [...place.querySelectorAll("*")])) {
    if (element.closest(silent) || !element.checkVisibility()) continue;
    const said = [...element.childNodes].map((node) => (node.nodeType === Node.TEXT_NODE ? node.data : " ")).join("").trim();
    const cell = element.closest("td, [role=cell]");
    const isBare = bare.test(said) && element.closest("td, [role=cell], dd, .made") !== null;
    if (!isBare && !measure.test(said)) continue;
    if (isBare && cell && !units.test(headOf(cell))) seen.unitless.push(`${said} under "${headOf(cell)}"`);
    if (element.closest("a[href]")) seen.linked.push(said);
    else if (element.closest("[data-bottom]")) seen.bottom.push(said);
    else seen.astray.push(`${said} in ${element.parentElement.textContent.slice(0, 80)}`);
  }
  return seen;
}

async function settled(page) {
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.locator("[aria-busy=true], .mantine-Skeleton-root").first().waitFor({ state: "detached" });
  await page.waitForLoadState("networkidle");
}

/** What a page must show that a number leads to, by its path. */
const shown = [
  [/^\/activity\/gen-/, (page) => page.getByRole("article", { name: /^Waybill gen-/ })],
  [/^\/activity/, (page) => page.getByRole("table", { name: "Calls" }).getByRole("link").first()],
  [/^\/sessions\/./, (page) => page.getByRole("table", { name: "Calls of the session" }).getByRole("link").first()],
  [/^\/ledger/, (page) => page.getByRole("table", { name: "Statement" }).getByRole("cell").first()],
  [/^\/caches.*#broken$/, (page) => page.getByRole("list", { name: "Broken prefixes" }).getByRole("listitem").first()],
];

/** Goes where links lead, each on a page of its own, and looks for what is said to be there. */
async function follow(page, links) {
  for (const { href, said } of links) {
    const there = await page.context().newPage();
    await there.goto(href);
    const what = shown.find(([path]) => path.test(href));
    assert.ok(what, `${said} leads to ${href}, of which this test knows nothing`);
    await what[1](there).waitFor({ timeout: 15_000 }).catch(() => assert.fail(`${said} leads to ${href}, where nothing is`));
    assert.equal(await there.getByText("This did not work").count(), 0, href);
    await there.close();
  }
}

/** Numbers that are links, but those that say that there was nothing. */
const madeLinks = (page) => page.locator("main a.made").evaluateAll((links) => links
  .map((link) => ({ href: link.getAttribute("href"), said: link.textContent }))
  .filter(({ said }) => /[1-9]/.test(said)));

/** One for each kind of way: the same path and the same names of filters. */
function sample(links) {
  const kind = ({ href }) => href.replace(/\/(gen-|sessions\/)[^?]*/, "/$1").replace(/=[^&#]*/g, "");
  return [...new Map(links.map((link) => [kind(link), link])).values()];
}

/** Opens a part of a page, and waits for what is loaded then. */
const tab = (name, awaited) => async (page) => {
  await page.getByRole("tab", { name }).click();
  await page.getByText(awaited).first().waitFor();
};

/** Address, how many linked numbers there are at the least, and what to do first. */
const pages = [
  ["/?days=1", 20], ["/?days=90", 20],
  ["/activity", 0, async (page) => { await page.getByRole("table", { name: "Calls" }).getByRole("link").first().waitFor(); }],
  ["/sessions", 40], ["/sessions/simulated-release", 8],
  ["/caches?days=7", 20], ["/rankings?days=7", 12],
  ["/status", 16], ["/status?by=providers", 16], ["/status?by=endpoints&days=true", 16],
  ["/providers?view=health", 12, (page) => page.getByText("Measured by this server").waitFor()], ["/providers", 0],
  ["/models", 0],
  ["/models?compare=simulated/echo,simulated/gemini", 0, async (page) => {
    await page.getByRole("button", { name: "Compare 2" }).click();
    await page.getByRole("dialog", { name: "Compare models" }).getByRole("rowheader").first().waitFor();
  }],
  ["/models/simulated/echo", 8, (page) => page.getByRole("button", { name: /^All of Simulated Cheap/ }).click()],
  ["/models/simulated/echo", 0, tab("Why would my call go there?", /^first in /)],
  ["/models/simulated/echo", 0, tab("Facts", "Tokenizer")],
  ["/keys", 3], ["/ledger", 20], ["/ledger?view=entries", 10],
  ["/settings", 0], ["/destinations", 0],
  ["/playground?models=simulated/echo", 1, async (page) => {
    await page.getByRole("textbox", { name: "Prompt" }).fill("Hello");
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByRole("group", { name: "Measures" }).waitFor();
  }],
  ["/start", 2, async (page) => {
    await page.getByText("Waiting for a call").waitFor();
    await page.getByRole("button", { name: "Make one from here" }).click();
    await page.getByText("A call has arrived").waitFor();
  }],
];

export const tests = {
  async "every number that is made of calls has its unit and leads to them, on every page"({ open, call }) {
    for (const provider of ["simulated-cheap", "simulated-fast", "simulated-slow"]) await call("/chat/completions", { ...hello, stream: true, provider: { only: [provider] } });
    const { id } = await call("/chat/completions", { ...hello, session_id: "made of calls" });
    const wrong = [];
    for (const [path, least, act] of [...pages, [`/activity?call=${id}`, 0], [`/activity/${id}`, 0]]) {
      const page = await open(path);
      await settled(page);
      await act?.(page);
      await settled(page);
      const { linked, bottom, astray, unitless } = await page.evaluate(scan);
      const links = sample(await madeLinks(page));
      console.log(`     ${path.padEnd(48)} ${linked.length} linked, ${bottom.length} made of nothing else, ${links.length} ways`);
      wrong.push(...astray.map((said) => `${path}: ${said}`), ...unitless.map((said) => `${path}: no unit: ${said}`));
      if (linked.length < least) wrong.push(`${path}: ${linked.length} linked numbers, ${least} at the least`);
      await follow(page, links);
      assert.deepEqual(page.complaints, []);
      await page.context().close();
    }
    assert.deepEqual(wrong, []);
  },

  async "what was spent of a budget leads to the calls of its subject and its window"({ open, call, manage }) {
    const keys = (await manage("/keys")).data;
    const key = keys.find((one) => one.usage > 0);
    const workspace = (await manage("/workspaces")).data[0].id;
    const budgets = {
      organization: [undefined, "monthly", /\/activity\?from=/],
      workspace: [workspace, "weekly", /workspace=/],
      key: [key.hash, "daily:Europe/Berlin", /key=/],
      app: ["https://budgets.example", "rolling:24h", /origin=/],
      end_user: ["somebody of a budget", "lifetime", /user=/],
      metadata: ["team=budgets", "daily", /from=/],
    };
    const made = [];
    for (const [subject, [subject_id, window]] of Object.entries(budgets)) {
      const { data } = await manage("/budgets", { subject, subject_id, window, limit: 50 });
      made.push(data.id);
    }
    const mine = { ...hello, user: "somebody of a budget", metadata: { team: "budgets" } };
    for (let n = 0; n < 2; n += 1) await call("/chat/completions", mine, "POST", { "http-referer": "https://budgets.example" });
    const page = await open("/budgets");
    for (const [subject, [, , pattern]] of Object.entries(budgets)) {
      const link = page.getByRole("link", { name: new RegExp(`^Spent of the budget of ${subject} .*: \\$0*\\.?\\d`) }).first();
      assert.match(await link.getAttribute("href"), pattern, subject);
    }
    const all = await madeLinks(page);
    assert.ok(all.length >= made.length, `${all.length} of ${made.length}`);
    await follow(page, all);
    // Of the app and of the end user there are these two calls alone.
    for (const subject of ["app", "end_user"]) {
      await page.goto("/budgets");
      await page.getByRole("link", { name: new RegExp(`^Spent of the budget of ${subject} `) }).click();
      const table = page.getByRole("table", { name: "Calls" });
      await table.getByRole("link").nth(1).waitFor();
      assert.equal(await table.getByRole("row").count(), 3, subject);
    }
    for (const id of made) await manage(`/budgets/${id}`, undefined, "DELETE");
    assert.deepEqual(page.complaints, []);
  },

  async "a piece of a picture leads to the calls of its time"({ open }) {
    const page = await open("/keys");
    for (const [path, name] of [["/?days=30", "Spend"], ["/caches?days=7", "Hit ratio"], ["/rankings?days=7", "Models by tokens"], ["/models/simulated/echo", "History"]]) {
      await page.goto(path);
      const picture = page.getByRole("region", { name, exact: true }).locator(".u-over").first();
      await picture.waitFor();
      const { width, height } = await picture.boundingBox();
      const position = { x: Math.round(width * 0.9), y: Math.round(height / 2) };
      await picture.hover({ position });
      await picture.click({ position });
      await page.waitForURL(/\/activity\?.*from=.*to=/);
    }
    assert.deepEqual(page.complaints, []);
  },

  async "visitors of a public status see its figures, and no way into the house"({ open, manage }) {
    await manage("/status/public", { public: true }, "PUT");
    try {
      const page = await open("/status", { signedIn: false });
      await page.getByRole("region", { name: "The house" }).waitFor();
      await settled(page);
      const { linked, bottom, astray } = await page.evaluate(scan);
      assert.deepEqual([linked, astray], [[], []]);
      assert.ok(bottom.length > 10, `${bottom.length} figures`);
    } finally {
      await manage("/status/public", { public: false }, "PUT");
    }
  },
};
