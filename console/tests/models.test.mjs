// Browsing the catalog, comparing, endpoints, and the plan.
import assert from "node:assert/strict";

export const tests = {
  async "the whole catalog is browsed, filtered in the address, and sorted"({ open }) {
    const page = await open("/models?scope=all");
    await page.getByText(/of 1,\d{3} models/).waitFor();
    const rows = await page.getByRole("row").count();
    assert.ok(rows < 80, `${rows} rows are drawn of more than a thousand`);
    await page.getByRole("textbox", { name: "Search models" }).fill("claude opus");
    await page.waitForURL(/q=claude/);
    await page.getByText(/^\d{1,2} of 1,\d{3} models/).waitFor();
    await page.getByRole("button", { name: "Input $/M" }).click();
    await page.waitForURL(/by=input/);
    assert.equal(await page.getByRole("columnheader", { name: "Input $/M" }).getAttribute("aria-sort"), "descending");
    assert.deepEqual(page.complaints, []);
  },

  async "two models are compared"({ open }) {
    const page = await open("/models?q=simulated");
    await page.getByRole("checkbox", { name: "Compare echo" }).check();
    await page.getByRole("checkbox", { name: "Compare gemini", exact: true }).check();
    await page.getByRole("button", { name: "Compare 2" }).click();
    const dialog = page.getByRole("dialog", { name: "Compare models" });
    await dialog.getByRole("rowheader", { name: "Output, USD per M tokens" }).waitFor();
    assert.equal(await dialog.getByRole("columnheader").count(), 3);
  },

  async "a model's page shows endpoints and the plan, which follows what is asked"({ open, call, pictures }) {
    for (let n = 0; n < 4; n += 1) await call("/chat/completions", { model: "simulated/echo", messages: [{ role: "user", content: "Hello" }] });
    const page = await open("/models/simulated/echo");
    await page.getByText("Simulated Cheap", { exact: true }).waitFor();
    await page.getByRole("tab", { name: "Why would my call go there?" }).click();
    const first = page.getByRole("listitem").first();
    await first.getByText("Simulated Cheap").or(first.getByText("Simulated Fast")).or(first.getByText("Simulated Slow")).first().waitFor();
    await page.getByRole("combobox", { name: "Order" }).click();
    await page.getByRole("option", { name: "Cheapest first" }).click();
    await page.getByText("cheapest first", { exact: true }).waitFor();
    await page.getByRole("listitem").first().getByText("Simulated Cheap", { exact: true }).waitFor();
    await page.screenshot({ path: `${pictures}/plan.png` });
    assert.deepEqual(page.complaints, []);
  },
};
