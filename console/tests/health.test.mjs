// How endpoints do: on the page of the providers, on the model's own, and on the overview.
import assert from "node:assert/strict";

const say = (provider, model = "simulated/echo") => ({ model, stream: true, messages: [{ role: "user", content: "Hello" }], provider: { only: [provider] } });

export const tests = {
  async "an endpoint that fails is shown as cooling down, with its calls, and comes back"({ open, call, pictures }) {
    await call("/chat/completions", say("simulated-cheap"));
    for (let n = 0; n < 3; n += 1) {
      await assert.rejects(call("/chat/completions", say("simulated-slow"), "POST", { "x-simulate": "status=503" }));
    }
    const page = await open("/providers");
    await page.getByRole("tab", { name: "Health" }).click();
    await page.waitForURL(/view=health/);
    const slow = page.getByRole("region", { name: "Simulated Slow" });
    await slow.getByText(/of \d+ cooling down|1 of 1 cooling down/).waitFor();
    await slow.getByText(/^until \d\d:\d\d:\d\d$/).first().waitFor();
    await page.getByRole("region", { name: "Simulated Cheap" }).getByText("working").first().waitFor();
    await page.screenshot({ path: `${pictures}/providers-cooling.png` });
    await page.goto("/");
    const attention = page.getByRole("region", { name: "Needs attention" });
    await attention.getByText(/Simulated Slow has failed just now/).waitFor();
    await attention.getByRole("link", { name: "Its calls" }).first().click();
    await page.waitForURL(/endpoint=simulated-slow/);
    // A call that goes well ends the outage.
    await call("/chat/completions", say("simulated-slow"));
    await page.goto("/providers?view=health");
    await slow.getByText("cooling down").waitFor({ state: "detached" });
    assert.deepEqual(page.complaints, []);
  },

  async "a model's endpoints tell their price, policy and percentiles, and have a line each over time"({ open, call, pictures }) {
    for (const provider of ["simulated-cheap", "simulated-fast", "simulated-slow"]) await call("/chat/completions", say(provider));
    const page = await open("/models/simulated/echo");
    await page.getByRole("button", { name: /^All of Simulated Cheap/ }).click();
    const measured = page.getByRole("region", { name: "Measured here" });
    await measured.getByText(/100\s%|[\d.]+\s%/).first().waitFor();
    await page.getByRole("region", { name: "Limits and policy" }).getByText("200,000 tokens").waitFor();
    const history = page.getByRole("region", { name: "History" });
    for (const title of ["First token, median, 24 hours", "Speed, median, 24 hours", "Uptime of attempts, 24 hours", "Calls, 24 hours"]) {
      // It says what it shows at once, and draws it when it knows its width.
      const picture = history.getByRole("img", { name: new RegExp(`^${title}; at last: .*simulated-cheap`) });
      await picture.locator("canvas").waitFor();
    }
    await page.screenshot({ path: `${pictures}/model-history.png`, fullPage: true });
    await history.getByText("7 days", { exact: true }).click();
    await history.getByRole("img", { name: /^Speed, median, 7 days/ }).waitFor();
    await measured.getByRole("link", { name: "in Activity" }).click();
    await page.waitForURL(/endpoint=simulated-cheap/);
    assert.deepEqual(page.complaints, []);
  },
};
