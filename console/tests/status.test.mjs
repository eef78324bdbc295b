// The status page: for who is signed in, and for anybody only where the house wants that.
import assert from "node:assert/strict";

/** What no visitor may learn. */
const PRIVATE = /waybill_|sk-|workspace|api_key|cost|usd|\$|calls_1d|failed_1d|counts/i;

export const tests = {
  async "the status says how many calls came to their end, and what troubled endpoints"({ open, pictures }) {
    const page = await open("/status");
    const house = page.getByRole("region", { name: "The house" });
    await house.getByText(/of [\d,]+ failed/).first().waitFor();
    await house.getByRole("img", { name: /^The house: \d+ of 24 hours with calls/ }).waitFor();
    await page.getByRole("tab", { name: "Endpoints" }).click();
    await page.waitForURL(/by=endpoints/);
    await page.getByRole("img", { name: /simulated\/flaky at simulated-flaky/ }).waitFor();
    await page.getByText("30 days", { exact: true }).click();
    await page.waitForURL(/days=true/);
    await house.getByRole("img", { name: /^The house: \d+ of 30 days with calls/ }).waitFor();
    await page.getByRole("region", { name: "Incidents" }).waitFor();
    await page.screenshot({ path: `${pictures}/status-endpoints.png`, fullPage: true });
    assert.deepEqual(page.complaints, []);
  },

  async "nobody looks at the status without a key until the house says so, and then sees shares alone"({ open, demo, pictures }) {
    const bare = () => fetch(`${demo.url}/api/v1/status`);
    assert.equal((await bare()).status, 401);
    const visitor = await open("/status", { signedIn: false });
    await visitor.getByRole("heading", { name: "Sign in" }).waitFor();
    const page = await open("/settings");
    const toggle = page.getByRole("switch", { name: "Anybody may look at it, without signing in" });
    await toggle.click();
    await page.getByText("Anybody may look at the status page now").waitFor();
    assert.equal(await toggle.isChecked(), true);
    const answer = await bare();
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get("cache-control"), /public/);
    assert.doesNotMatch(await answer.text(), PRIVATE);
    await visitor.goto("/status");
    await visitor.getByRole("region", { name: "The house" }).waitFor();
    await visitor.getByRole("link", { name: "Sign in" }).waitFor();
    assert.equal(await visitor.getByRole("navigation").count(), 0);
    await visitor.screenshot({ path: `${pictures}/status-public.png`, fullPage: true });
    await page.getByRole("button", { name: "Undo" }).click();
    for (let times = 0; (await bare()).status !== 401; times += 1) assert.ok(times < 50, "it is still public");
    assert.deepEqual(page.complaints, []);
    assert.deepEqual(visitor.complaints.filter((line) => !line.includes("401")), []);
  },
};
