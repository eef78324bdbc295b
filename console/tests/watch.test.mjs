// What an operator looks at: the overview, the log of calls with its filters, a waybill, a session,
// and the providers.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

const say = (model, more = {}) => ({ model, messages: [{ role: "user", content: "Hello" }], ...more });

export const tests = {
  async "a call stands in the log as soon as it has ended, and filters in the address find it"({ open, call, pictures }) {
    await call("/chat/completions", say("simulated/echo", { session_id: "watched" }));
    await call("/chat/completions", say("simulated/gemini"));
    const page = await open("/activity?session=watched");
    await page.getByRole("cell", { name: "simulated/echo" }).first().waitFor();
    assert.equal(await page.getByRole("cell", { name: "simulated/gemini" }).count(), 0);
    const { id } = await call("/chat/completions", say("simulated/reasoner", { session_id: "watched" }));
    await page.getByRole("cell", { name: "simulated/reasoner" }).first().waitFor();
    const row = page.getByRole("row").filter({ hasText: "simulated/reasoner" }).first();
    await row.click({ position: { x: 5, y: 5 } });
    const drawer = page.getByRole("dialog", { name: "Call" });
    const bill = drawer.getByRole("article", { name: `Waybill ${id}` });
    await bill.getByText("Delivered").waitFor();
    for (const part of ["Asked for", "The way", "The plan", "The bill"]) await bill.getByRole("region", { name: part }).waitFor();
    assert.match(page.url(), new RegExp(id));
    await page.screenshot({ path: `${pictures}/activity-waybill.png` });
    await bill.getByRole("link", { name: "watched" }).click();
    await page.getByRole("table", { name: "Calls of the session" }).getByText("simulated/echo").waitFor();
    assert.deepEqual(page.complaints, []);
  },

  async "calls are exported as CSV, and a filter that fits nothing says what to do"({ open, call }) {
    await call("/chat/completions", say("simulated/echo"));
    const page = await open("/activity");
    await page.getByRole("cell", { name: "simulated/echo" }).first().waitFor();
    await page.getByRole("button", { name: "Export" }).click();
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("menuitem", { name: "As CSV" }).click()]);
    assert.match(await readFile(await file.path(), "utf8"), /simulated\/echo/);
    await page.goto("/activity?cost=1000");
    await page.getByText("No call fits these filters").waitFor();
    await page.getByRole("button", { name: "Clear the filters" }).click();
    await page.getByRole("cell", { name: "simulated/echo" }).first().waitFor();
  },

  async "a credential is refused in plain words, and a server of one's own is added in three fields"({ open, demo, pictures }) {
    const page = await open("/providers");
    await page.getByRole("button", { name: "Add your own server" }).first().click();
    const form = page.getByRole("dialog", { name: "Add your own server" });
    await form.getByRole("textbox", { name: "Name" }).fill("My vLLM");
    await form.getByRole("textbox", { name: "Base URL" }).fill("http://127.0.0.1:9/v1");
    await form.getByRole("button", { name: "Add" }).click();
    await form.getByText(/nothing answers there/).waitFor();
    await form.getByRole("textbox", { name: "Base URL" }).fill(`${demo.url}/v1`);
    await form.locator("input[type=password]").fill(demo.inference_key);
    await form.getByRole("button", { name: "Add" }).click();
    await form.waitFor({ state: "detached" });
    await page.getByText("my-vllm", { exact: true }).first().waitFor();
    await page.screenshot({ path: `${pictures}/providers-own.png` });
    await page.getByRole("button", { name: "Check My vLLM" }).click();
    await page.getByText("answers", { exact: true }).waitFor();
    await page.getByRole("row").filter({ hasText: "/v1" }).getByRole("button", { name: "Remove" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove it" }).click();
    await page.getByText("my-vllm/", { exact: false }).waitFor({ state: "detached" });
    assert.deepEqual(page.complaints.filter((line) => !line.includes("400")), []);
  },
};
