// The overview: its figures, what they are made of, and what needs attention.
import assert from "node:assert/strict";

const say = (model, more = {}) => ({ model, messages: [{ role: "user", content: "Hello" }], ...more });

const FIGURES = ["Spend", "Calls", "Tokens", "Errors", "Saved by caches", "First token, median", "Speed, median"];

export const tests = {
  async "the overview sums up over any period, and each figure leads to its calls"({ open, call, pictures }) {
    await call("/chat/completions", say("simulated/unpriced"));
    await call("/chat/completions", say("simulated/echo", { stream: true }));
    const page = await open("/?days=1");
    for (const name of FIGURES) {
      const figure = page.getByRole("region", { name, exact: true });
      await figure.getByRole("img", { name: new RegExp(`^${name} by hour: .*24 hours`) }).waitFor();
      await figure.locator("canvas").waitFor();
    }
    await page.getByText(/no cost in 24 hours/).waitFor();
    await page.getByText("30 days", { exact: true }).click();
    await page.waitForURL(/days=30/);
    await page.getByRole("img", { name: /^Spend by day: \$/ }).waitFor();
    await page.screenshot({ path: `${pictures}/overview-month.png` });
    // Percentiles reach back a month only.
    await page.getByText("90 days", { exact: true }).click();
    await page.getByRole("region", { name: "First token, mean" }).waitFor();
    await page.getByRole("region", { name: "Calls", exact: true }).getByRole("link", { name: /^Calls: / }).click();
    await page.waitForURL(/\/activity\?from=/);
    await page.getByRole("table", { name: "Calls" }).getByText("simulated/unpriced").first().waitFor();
    assert.deepEqual(page.complaints, []);
  },

  async "models, keys and apps are ranked by spend, and lead to their calls"({ open, call }) {
    await call("/chat/completions", say("simulated/echo"), "POST", { "x-openrouter-title": "Night shift", "http-referer": "https://night.example" });
    const page = await open("/?days=1");
    // The demo has days of calls by apps of its own, which may have spent more than this one.
    for (const [list, filter] of [["Models", "model"], ["Apps", "app"]]) {
      const first = page.getByRole("region", { name: `${list} by spend` }).getByRole("link", { name: /simulated|Night shift/ }).first();
      const name = await first.textContent();
      await first.click();
      await page.waitForURL(new RegExp(`${filter}=`));
      await page.getByRole("button", { name: `${name} away` }).waitFor();
      await page.getByRole("table", { name: "Calls" }).getByText(/^simulated\//).first().waitFor();
      await page.goBack();
    }
    await page.getByRole("region", { name: "Keys by spend" }).getByRole("link").nth(1).click();
    await page.waitForURL(/key=[0-9a-f]{64}/);
    assert.deepEqual(page.complaints, []);
  },
};
