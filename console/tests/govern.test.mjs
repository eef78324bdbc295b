// Keys, budgets, the ledger and the settings: making, changing, undoing, exporting.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

const hello = { model: "simulated/echo", messages: [{ role: "user", content: "Hello" }] };

const row = (page, name) => page.getByRole("row").filter({ has: page.getByText(name, { exact: true }) });

async function choose(page, name, action) {
  await page.getByRole("button", { name: `Actions for ${name}` }).first().click();
  await page.getByRole("menuitem", { name: action }).click();
}

export const tests = {
  async "a key is created, shown once, changed, switched off and on again, replaced and deleted"({ open, demo, pictures }) {
    const page = await open("/keys");
    await page.getByRole("button", { name: "Create a key" }).first().click();
    const form = page.getByRole("dialog", { name: "Create a key" });
    await form.getByRole("textbox", { name: "Name" }).fill("nightly build");
    await form.getByRole("textbox", { name: "Limit, USD" }).fill("2.50");
    await form.getByRole("combobox", { name: "Starts anew" }).click();
    await page.getByRole("option", { name: /Every first/ }).click();
    await form.getByRole("textbox", { name: "Calls per minute" }).fill("60");
    await form.getByRole("button", { name: "Create" }).click();
    const shown = page.getByRole("dialog", { name: /your new key/ });
    const secret = await shown.getByRole("region", { name: "Code" }).first().textContent();
    assert.match(secret, /^sk-wb-v1-[0-9a-f]{64}$/);
    await shown.getByRole("button", { name: "I have kept it" }).click();
    await row(page, "nightly build").getByText("60 calls/minute").waitFor();
    await row(page, "nightly build").getByText("of $2.50").waitFor();
    const call = () => fetch(`${demo.url}/api/v1/chat/completions`, {
      method: "POST", headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" }, body: JSON.stringify(hello),
    });
    assert.equal((await call()).status, 200);

    await choose(page, "nightly build", "Switch off");
    await row(page, "nightly build").getByText("off", { exact: true }).waitFor();
    assert.equal((await call()).status, 401);
    await page.getByRole("button", { name: "Undo" }).click();
    await row(page, "nightly build").getByText("off", { exact: true }).waitFor({ state: "detached" });
    assert.equal((await call()).status, 200);

    await choose(page, "nightly build", "Replace");
    await page.getByRole("dialog", { name: "Replace nightly build" }).getByRole("button", { name: "Replace" }).click();
    await page.getByRole("button", { name: "I have kept it" }).click();
    await row(page, "nightly build").nth(1).waitFor();
    await page.screenshot({ path: `${pictures}/keys-replaced.png` });
    assert.equal(await row(page, "nightly build").count(), 2);
    assert.equal((await call()).status, 200, "both work for a day");

    await choose(page, "nightly build", "Delete");
    const asked = page.getByRole("dialog", { name: "Delete nightly build?" });
    await asked.getByRole("button", { name: "Delete the key" }).click();
    await asked.waitFor({ state: "detached" });
    await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 2);
    assert.deepEqual(page.complaints, []);
  },

  async "a budget is created, and its mistakes are told at the field"({ open }) {
    const page = await open("/budgets");
    await page.getByRole("button", { name: "Create a budget" }).first().click();
    const form = page.getByRole("dialog", { name: "Create a budget" });
    await form.getByRole("textbox", { name: "Limit, USD" }).fill("100");
    await form.getByRole("button", { name: "Create" }).click();
    await form.waitFor({ state: "detached" });
    await page.getByText("The whole house", { exact: true }).waitFor();
    await choose(page, "the budget of organization", "Change");
    const change = page.getByRole("dialog", { name: "Change the budget" });
    await change.getByRole("textbox", { name: "Limit, USD" }).fill("120");
    await change.getByText("Warn only").click();
    await change.getByRole("button", { name: "Save" }).click();
    await page.getByText("of $120.00").waitFor();
    await page.getByText("warns").waitFor();
    await choose(page, "the budget of organization", "Delete");
    await page.getByRole("button", { name: "Delete the budget" }).click();
    await page.getByText("The whole house", { exact: true }).waitFor({ state: "detached" });
  },

  async "the statement and the entries are shown and exported"({ open, call }) {
    await call("/chat/completions", hello);
    const page = await open("/ledger");
    await page.getByRole("cell", { name: "simulated/echo" }).first().waitFor();
    await page.getByRole("button", { name: "Export" }).click();
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("menuitem", { name: "As CSV" }).click()]);
    assert.match(await readFile(await file.path(), "utf8"), /simulated\/echo/);
    const line = page.getByRole("row").filter({ hasText: "simulated/echo" }).first();
    await line.getByRole("link", { name: /^[\d,]+ calls?$/ }).click();
    await page.waitForURL(/\/activity\?.*model=simulated/);
    await page.getByRole("table", { name: "Calls" }).getByText("simulated/echo").first().waitFor();
    await page.goBack();
    await page.getByRole("tab", { name: "Entries" }).click();
    // The oldest come first, and the demo has days of them.
    const entry = page.getByRole("link", { name: /^gen-/ }).first();
    const id = await entry.textContent();
    await entry.click();
    await page.getByRole("article", { name: `Waybill ${id}` }).waitFor();
    assert.deepEqual(page.complaints, []);
  },

  async "a password is set, lets in, and is removed again"({ open }) {
    const page = await open("/settings");
    await page.getByText("this one").waitFor();
    await page.locator("input[type=password]").fill("correct horse");
    await page.getByRole("button", { name: "Set the password" }).click();
    await page.getByRole("button", { name: "Change the password" }).waitFor();
    const other = await open("/sign-in", { signedIn: false });
    await other.locator("input[type=password]").fill("correct horse");
    await other.getByRole("button", { name: "Sign in" }).click();
    await other.getByRole("navigation", { name: "Pages" }).waitFor();
    await page.getByRole("button", { name: "Remove it" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove it" }).click();
    await page.getByRole("button", { name: "Set the password" }).waitFor();
  },

  async "another session ends only after a question"({ open }) {
    await open("/keys");
    const page = await open("/settings");
    const buttons = page.getByRole("button", { name: "End", exact: true });
    await buttons.first().waitFor();
    const before = await buttons.count();
    await buttons.first().click();
    const asked = page.getByRole("dialog", { name: "End this session?" });
    await asked.getByRole("button", { name: "End it" }).click();
    await asked.waitFor({ state: "detached" });
    await page.waitForFunction((least) => [...document.querySelectorAll("button")].filter((one) => one.textContent === "End").length < least, before);
    assert.deepEqual(page.complaints, []);
  },

  async "the way to a first call makes a key, shows the lines and sees the call arrive"({ open, demo, pictures }) {
    const page = await open("/start");
    await page.getByRole("button", { name: "Create the key" }).click();
    const lines = page.getByRole("region", { name: "Two lines for your client" }).getByRole("region", { name: "Code" });
    await page.waitForFunction(() => /sk-wb-v1-/.test(document.querySelector('[aria-label="Two lines for your client"]')?.textContent ?? ""));
    const key = /sk-wb-v1-[0-9a-f]{64}/.exec(await lines.textContent())[0];
    await page.getByText("Waiting for a call").waitFor();
    const answer = await fetch(`${demo.url}/api/v1/chat/completions`, {
      method: "POST", headers: { authorization: `Bearer ${key}`, "content-type": "application/json" }, body: JSON.stringify(hello),
    });
    assert.equal(answer.status, 200);
    await page.getByText("A call has arrived").waitFor();
    await page.getByRole("button", { name: "Make one from here" }).click();
    await page.getByText("This is a simulated answer").waitFor();
    await page.screenshot({ path: `${pictures}/start-arrived.png` });
    assert.deepEqual(page.complaints, []);
  },
};
