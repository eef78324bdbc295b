// Destinations: added with masked secrets, tried, changed, switched off; what they never took; and
// what a workspace keeps.
import assert from "node:assert/strict";
import { createServer } from "node:http";

const hello = { model: "simulated/echo", messages: [{ role: "user", content: "Hello" }] };

/** Answers every request with `status.now`, on this machine. */
async function receiver(status) {
  const server = createServer((request, response) => request.resume().on("end", () => response.writeHead(status.now).end()));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}/told`, close: () => server.close() };
}

export const tests = {
  async "a destination is added, tried, and its calls that were given up are sent again"({ open, call, manage, pictures }) {
    const status = { now: 200 };
    const { url, close } = await receiver(status);
    const page = await open("/destinations");
    await page.getByRole("button", { name: "Add a destination" }).first().click();
    const form = page.getByRole("dialog", { name: "Add a destination" });
    await form.getByRole("combobox", { name: "Type" }).or(form.getByRole("textbox", { name: "Type" })).first().click();
    await page.getByRole("option", { name: "Webhook" }).click();
    await form.getByRole("textbox", { name: "Name" }).fill("Night watch");
    await form.getByRole("textbox", { name: "URL" }).fill("ftp://nowhere");
    await form.getByRole("button", { name: "Add", exact: true }).click();
    await form.getByText(/http/).first().waitFor();
    await form.getByRole("textbox", { name: "URL" }).fill(url);
    await form.getByRole("button", { name: "Add", exact: true }).click();
    await form.waitFor({ state: "detached" });
    const card = page.getByRole("region", { name: "Night watch" });
    await card.getByRole("button", { name: "Test the connection" }).click();
    await card.getByText("it answers").waitFor();

    status.now = 400;
    const { id } = await call("/chat/completions", hello);
    await card.getByRole("button", { name: /^Show 1 to send again/ }).click({ timeout: 20_000 });
    const dead = page.getByRole("dialog", { name: "Calls that were given up" });
    await dead.getByRole("link", { name: id }).waitFor();
    await page.screenshot({ path: `${pictures}/destinations-given-up.png` });
    status.now = 200;
    await dead.getByRole("button", { name: "Send all again" }).click();
    await page.getByText("One call waits again").waitFor();

    await card.getByRole("switch", { name: "Tell Night watch" }).click({ force: true });
    await card.getByText("off", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Undo" }).click();
    await card.getByText("off", { exact: true }).waitFor({ state: "detached" });
    await card.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete it" }).click();
    await card.waitFor({ state: "detached" });
    close();
    assert.deepEqual(page.complaints.filter((line) => !line.includes("400")), []);
  },

  async "secrets of a destination are masked, and stay what they were when something else is changed"({ open, manage }) {
    const page = await open("/destinations");
    await page.getByRole("button", { name: "Add a destination" }).first().click();
    const form = page.getByRole("dialog", { name: "Add a destination" });
    await form.getByRole("combobox", { name: "Type" }).or(form.getByRole("textbox", { name: "Type" })).first().click();
    await page.getByRole("option", { name: "Langfuse" }).click();
    await form.getByRole("textbox", { name: "Name" }).fill("Traces");
    await form.locator("input[type=password]").nth(0).fill("pk-lf-0123456789abcdef");
    await form.locator("input[type=password]").nth(1).fill("sk-lf-0123456789abcdef");
    await form.getByRole("button", { name: "Add", exact: true }).click();
    await form.waitFor({ state: "detached" });
    const card = page.getByRole("region", { name: "Traces" });
    await card.getByRole("button", { name: "Change" }).click();
    const change = page.getByRole("dialog", { name: "Change Traces" });
    assert.equal(await change.locator("input[type=password]").nth(1).inputValue(), "sk-l...cdef");
    await change.getByRole("checkbox", { name: "Tell from which app" }).check();
    await change.getByRole("button", { name: "Save" }).click();
    await change.waitFor({ state: "detached" });
    await card.getByText(/also cost, app/).waitFor();
    const list = await manage("/observability/destinations");
    assert.equal(list.data[0].config.secretKey, "sk-l...cdef");
    await manage(`/observability/destinations/${list.data[0].id}`, undefined, "DELETE");
    assert.deepEqual(page.complaints, []);
  },

  async "what a workspace keeps is changed, and taken back"({ open, manage, pictures }) {
    const page = await open("/settings");
    const section = page.getByRole("region", { name: "Workspaces" });
    await section.getByText("not kept").waitFor();
    await section.getByRole("button", { name: /^Change/ }).click();
    const form = page.getByRole("dialog", { name: /^Change/ });
    await form.getByRole("switch", { name: "Keep the content of calls" }).click({ force: true });
    await form.getByRole("textbox", { name: "For, days" }).fill("7");
    await page.screenshot({ path: `${pictures}/settings-workspace.png` });
    await form.getByRole("button", { name: "Save" }).click();
    await section.getByText("for 7 days").waitFor();
    const kept = (await manage("/workspaces")).data[0];
    assert.deepEqual([kept.is_observability_io_logging_enabled, kept.io_logging_retention_days], [true, 7]);
    await page.getByRole("button", { name: "Undo" }).click();
    await section.getByText("not kept").waitFor();
    assert.deepEqual(page.complaints, []);
  },
};
