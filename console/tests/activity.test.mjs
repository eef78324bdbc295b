// The filters of the list of calls, in the address; and what it can be exported as.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

const say = (model, more = {}) => ({ model, messages: [{ role: "user", content: "Hello" }], ...more });

const table = (page) => page.getByRole("table", { name: "Calls" });

export const tests = {
  async "every filter narrows the list, stands in the address, and is taken away again"({ open, call }) {
    await call("/chat/completions", say("simulated/echo", { session_id: "narrowed" }), "POST", { "x-openrouter-title": "Filter test", "http-referer": "https://filter.example" });
    await call("/chat/completions", say("simulated/gemini"));
    const page = await open("/activity");
    await table(page).getByText("simulated/gemini").first().waitFor();
    await page.getByRole("button", { name: "More filters" }).click();
    const more = page.getByRole("dialog", { name: "More filters" });
    await more.getByRole("textbox", { name: "App" }).fill("Filter test");
    await page.waitForURL(/app=Filter/);
    await more.getByRole("textbox", { name: "Session" }).fill("narrowed");
    await more.getByRole("textbox", { name: "Status" }).fill("200");
    await more.getByRole("textbox", { name: "Took from, ms" }).fill("1");
    await page.waitForURL(/latency=1/);
    await more.getByRole("combobox", { name: "Model" }).or(more.getByRole("textbox", { name: "Model" })).first().fill("simulated/echo");
    await page.getByRole("option", { name: "simulated/echo", exact: true }).click();
    await page.waitForURL(/model=simulated/);
    await page.keyboard.press("Escape");
    await table(page).getByText("simulated/gemini").first().waitFor({ state: "detached" });
    await table(page).getByText("simulated/echo").first().waitFor();
    for (const part of [/app=/, /session=narrowed/, /status=/, /latency=1/]) assert.match(page.url(), part);

    // The address alone brings the same list back.
    const again = await open(page.url().replace(/^https?:\/\/[^/]+/, ""));
    await table(again).getByText("simulated/echo").first().waitFor();
    await again.getByRole("button", { name: "Take the filter Status 200 away" }).click();
    await again.waitForURL((url) => !url.search.includes("status"));
    await again.getByRole("button", { name: "Clear these" }).click();
    await table(again).getByText("simulated/gemini").first().waitFor();
    await again.getByRole("textbox", { name: "Search calls" }).fill("filter.example");
    await again.waitForURL(/q=filter/);
    await table(again).getByText("simulated/gemini").first().waitFor({ state: "detached" });
    await again.getByRole("button", { name: "Empty Search calls" }).click();
    await table(again).getByText("simulated/gemini").first().waitFor();
    assert.deepEqual([...page.complaints, ...again.complaints], []);
  },

  async "by provider, endpoint, cost, time, status, app, session, outcome and key the list is what the filter says, after a reload too"({ open, call, manage }) {
    const own = { "x-openrouter-title": "One by one" };
    await call("/chat/completions", say("simulated/echo", { session_id: "one-by-one" }), "POST", own);
    await call("/chat/completions", say("simulated/gemini"), "POST", own);
    await call("/chat/completions", say("simulated/none")).catch(() => {});
    const { data: all } = await manage("/generations?limit=1000");
    const asked = all.find((one) => one.session_id === "one-by-one");
    const [middle] = all.filter((one) => one.total_cost > 0).sort((a, b) => a.total_cost - b.total_cost).slice(-20);
    const slow = all.map((one) => one.latency ?? 0).sort((a, b) => b - a)[30];
    const page = await open("/activity");
    await table(page).getByText(/simulated\//).first().waitFor();
    /** The filters, by their place in the address: their value, and what every call that is shown must be. */
    const filters = {
      provider: [asked.provider_name, "simulated", (one) => one.provider_name === asked.provider_name],
      endpoint: [asked.endpoint, undefined, (one) => one.endpoint === asked.endpoint],
      cost: [String(middle.total_cost), undefined, (one) => one.total_cost >= middle.total_cost],
      latency: [String(slow), undefined, (one) => (one.latency ?? 0) >= slow],
      status: ["400, 404", undefined, (one) => [400, 404].includes(one.status)],
      app: ["One by one", undefined, (one) => one.app_title === "One by one"],
      session: ["one-by-one", undefined, (one) => one.session_id === "one-by-one"],
    };
    const labels = { provider: "Provider", endpoint: "Endpoint", cost: "Cost from, USD", latency: "Took from, ms", status: "Status", app: "App", session: "Session" };
    for (const [name, [value, , fits]] of Object.entries(filters)) {
      await page.goto("/activity");
      await page.getByRole("button", { name: "More filters" }).click();
      const more = page.getByRole("dialog", { name: "More filters" });
      const field = more.getByRole("combobox", { name: labels[name], exact: true }).or(more.getByRole("textbox", { name: labels[name], exact: true })).first();
      const answered = page.waitForResponse((answer) => answer.url().includes("/generations?") && new URL(page.url()).searchParams.has(name) && answer.ok());
      await field.fill(value);
      if (name === "provider") await page.getByRole("option", { name: value, exact: true }).click();
      await page.waitForURL((url) => url.searchParams.has(name));
      await answered;
      await page.keyboard.press("Escape");
      // The address alone brings the same list back.
      await page.reload();
      const answer = await page.waitForResponse((one) => one.url().includes("/api/v1/generations?"));
      const { data: found, next_cursor: cursor } = await answer.json();
      assert.ok(found.length > 0 && found.every(fits), `${name}: ${found.length} calls, ${answer.url()}`);
      assert.ok(found.length < all.length, `${name} leaves nothing out`);
      await page.getByRole("button", { name: /^Take the filter/ }).first().waitFor();
      await table(page).locator("[role=row]").nth(1).waitFor();
      if (!cursor) assert.equal(await table(page).getAttribute("aria-rowcount"), String(found.length + 1));
    }
    for (const [label, option, part] of [["Outcome", "Failed", /outcome=failed/], ["Key", asked.api_key_name, /key=/]]) {
      await page.goto("/activity");
      await page.getByRole("combobox", { name: label }).or(page.getByRole("textbox", { name: label })).first().click();
      await page.getByRole("option", { name: option, exact: true }).click();
      await page.waitForURL(part);
      await page.reload();
      const answer = await page.waitForResponse((one) => one.url().includes("/api/v1/generations?"));
      const { data: found } = await answer.json();
      const fits = label === "Outcome" ? (one) => one.status >= 400 || one.error_type : (one) => one.api_key_name === option;
      assert.ok(found.length > 0 && found.every(fits), `${label}: ${answer.url()}`);
    }
    assert.deepEqual(page.complaints.filter((line) => !line.includes("404")), []);
  },

  async "a stretch of time is chosen to the minute, and nothing in it says so"({ open }) {
    const page = await open("/activity?from=2020-01-01T00:00:00.000Z&to=2020-01-02T00:00:00.000Z");
    await page.getByText("No call fits these filters").waitFor();
    await page.getByRole("button", { name: /^Take the filter Until/ }).click();
    await table(page).getByText(/simulated\//).first().waitFor();
    assert.deepEqual(page.complaints, []);
  },

  async "what the filters find is exported in every format that the API has"({ open, call }) {
    await call("/chat/completions", say("simulated/echo", { session_id: "exported" }));
    const page = await open("/activity?session=exported");
    await table(page).getByText("simulated/echo").first().waitFor();
    for (const [item, fits] of [["As CSV", /^id,[\s\S]*exported/], ["As JSON lines", /^\{"id":"gen-/]]) {
      await page.getByRole("button", { name: "Export", exact: true }).click();
      const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("menuitem", { name: item }).click()]);
      assert.match(await readFile(await file.path(), "utf8"), fits);
    }
    assert.deepEqual(page.complaints, []);
  },
};
