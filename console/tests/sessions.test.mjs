// Sessions: sorted in the address, each with its calls; and the way to pages on a phone.
import assert from "node:assert/strict";

const say = (model, more = {}) => ({ model, messages: [{ role: "user", content: "Hello" }], ...more });

export const tests = {
  async "sessions stand by last call or by cost, as the address says, and lead to their calls"({ open, call, manage }) {
    await call("/chat/completions", say("simulated/echo", { session_id: "the latest" }));
    const page = await open("/sessions");
    const table = page.getByRole("table", { name: "Sessions" });
    await table.getByRole("link", { name: "the latest" }).waitFor();
    assert.equal(await table.getByRole("columnheader", { name: "Last call" }).getAttribute("aria-sort"), "descending");
    await table.getByRole("button", { name: "Cost" }).click();
    await page.waitForURL(/by=cost/);
    await page.reload();
    const { data: dearest } = await manage("/sessions?sort=cost&limit=3");
    for (const [index, one] of dearest.entries()) await table.getByRole("row").nth(index + 1).getByRole("link", { name: one.id, exact: true }).waitFor();
    assert.ok(dearest[0].total_cost >= dearest[1].total_cost && dearest[1].total_cost >= dearest[2].total_cost);
    await table.getByRole("link", { name: dearest[0].id, exact: true }).click();
    await page.getByRole("table", { name: "Calls of the session" }).getByRole("link").first().waitFor();

    // The same stand on the overview.
    await page.goto("/?days=30");
    const block = page.getByRole("region", { name: "Dearest sessions" });
    await block.getByRole("link", { name: dearest[0].id, exact: true }).waitFor();
    await block.getByRole("link", { name: "All of them" }).click();
    await page.waitForURL(/\/sessions\?by=cost&days=30/);
    assert.deepEqual(page.complaints, []);
  },

  async "on a phone the pages are behind a button, and out of the way of keys until then"({ open }) {
    const page = await open("/keys", { width: 390, height: 844 });
    const link = page.locator("nav").getByRole("link", { name: "Models", includeHidden: true });
    await page.getByRole("button", { name: "Navigation" }).waitFor();
    assert.equal(await link.isVisible(), false);
    await page.getByRole("button", { name: "Navigation" }).click();
    await page.getByRole("link", { name: "Models", exact: true }).click();
    await page.waitForURL(/\/models/);
    await link.waitFor({ state: "hidden" });
    assert.deepEqual(page.complaints, []);
  },
};
