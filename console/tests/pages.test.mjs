// What was made of calls: of how much use caches were, and who takes the tokens.
import assert from "node:assert/strict";

export const tests = {
  async "a broken prefix is told in plain words, with the call that broke it"({ open, manage, pictures }) {
    // The demo's own agent writes the time into its instructions; it takes a few seconds.
    for (let times = 0; ; times += 1) {
      const { data } = await manage("/cache/health");
      if (data.broken_sessions.some((broken) => broken.session_id === "simulated-release")) break;
      assert.ok(times < 100, "the demo's agent has broken no prefix");
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    const page = await open("/caches");
    const broken = page.getByRole("list", { name: "Broken prefixes" }).getByRole("listitem").first();
    await broken.getByRole("heading", { name: /A date or a time in message 1 has changed/ }).waitFor();
    await broken.getByText(/belongs into the last message/).waitFor();
    await broken.getByText(/\$0\.\d+ lost/).waitFor();
    await page.getByRole("region", { name: "Hit ratio" }).locator("canvas").waitFor();
    await page.screenshot({ path: `${pictures}/caches-broken.png`, fullPage: true });
    await broken.getByRole("link", { name: "The call", exact: true }).click();
    await page.getByRole("article", { name: /^Waybill gen-/ }).waitFor();
    assert.deepEqual(page.complaints, []);
  },

  async "cache health is filtered in the address, and says what to do where nothing fits"({ open }) {
    const page = await open("/caches?days=7");
    const table = page.getByRole("region", { name: "By model and endpoint" });
    await table.getByRole("link", { name: "simulated/messages", exact: true }).waitFor();
    await page.getByRole("combobox", { name: "Model" }).selectOption("simulated/messages");
    await page.waitForURL(/model=simulated%2Fmessages/);
    await table.getByRole("link", { name: "simulated/echo", exact: true }).waitFor({ state: "detached" });
    await table.getByRole("progressbar", { name: /^Hit ratio of simulated\/messages/ }).first().waitFor();
    await page.goto("/caches?model=nobody/nothing");
    await page.getByText("No call fits these filters").waitFor();
    assert.deepEqual(page.complaints, []);
  },

  async "rankings say who takes the tokens, and lead to the calls"({ open, manage, pictures }) {
    const page = await open("/rankings?days=7");
    const models = page.getByRole("region", { name: "Models by tokens" });
    await models.getByRole("img", { name: /^Tokens by day: .* in all, simulated\// }).waitFor();
    await models.locator("canvas").waitFor();
    const today = new Date();
    const date = (days) => new Date(today - days * 86_400_000).toISOString().slice(0, 10);
    const { data } = await manage(`/datasets/rankings-daily?start_date=${date(6)}&end_date=${date(0)}`);
    const of = (model) => data.filter((item) => item.model_permaslug === model).reduce((sum, item) => sum + Number(item.total_tokens), 0);
    const row = models.getByRole("row").filter({ has: page.getByRole("link", { name: "simulated/vertex", exact: true }) });
    // Nobody calls this model during the tests of this file, so that both have counted the same.
    await row.getByRole("cell", { name: of("simulated/vertex").toLocaleString("en-US") }).waitFor();
    await page.getByRole("region", { name: "Apps by tokens" }).getByText("Coding agent (simulated)").waitFor();
    await page.getByRole("region", { name: "What a session costs" }).getByRole("cell", { name: "Nightly reports (simulated)" }).first().waitFor();
    await page.screenshot({ path: `${pictures}/rankings-week.png`, fullPage: true });
    await page.getByText("Week", { exact: true }).click();
    await page.waitForURL(/per=week/);
    await models.getByRole("img", { name: /^Tokens by week/ }).waitFor();
    await row.getByRole("link", { name: "Look at them" }).click();
    await page.getByRole("table", { name: "Calls" }).getByText("simulated/vertex").first().waitFor();
    assert.deepEqual(page.complaints, []);
  },
};
