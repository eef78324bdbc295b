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
    await table(page).getByText("simulated/echo").first().waitFor();
    assert.equal(await table(page).getByText("simulated/gemini").count(), 0);
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
