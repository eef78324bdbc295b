// Workspaces' own credentials: added, checked live, switched off, deleted.
import assert from "node:assert/strict";

export const tests = {
  async "a workspace brings its own credential, masked, checked live, switched off and deleted"({ open, demo, manage: api, pictures }) {
    // A server that is there and knows the demo's own key: the demo itself.
    await api("/providers/own", { name: "Own house", base_url: `${demo.url}/v1`, key: demo.inference_key });
    const page = await open("/providers");
    await page.getByText("No workspace brings its own").waitFor();
    await page.getByRole("button", { name: "Add a workspace's own" }).click();
    const form = page.getByRole("dialog", { name: "Add a workspace's own credential" });
    await form.getByRole("combobox", { name: "Provider" }).or(form.getByRole("textbox", { name: "Provider" })).first().fill("Own house");
    await page.getByRole("option", { name: "Own house" }).click();
    await form.locator("input[type=password]").fill("sk-any-0123456789abCD");
    await form.getByRole("textbox", { name: "Name" }).fill("Team one");
    await form.getByRole("button", { name: "Add", exact: true }).click();
    await form.waitFor({ state: "detached" });
    const row = page.getByRole("row").filter({ hasText: "Team one" });
    await row.getByText("sk-...abCD").waitFor();
    assert.equal(await page.getByText("0123456789").count(), 0);
    await row.getByRole("button", { name: "Check Team one" }).click();
    await row.getByText("answers", { exact: true }).waitFor();
    await page.screenshot({ path: `${pictures}/providers-workspace.png` });
    await row.getByRole("switch").or(row.getByRole("checkbox")).first().click({ force: true });
    await page.waitForTimeout(300);
    assert.equal((await api("/byok")).data[0].disabled, true);
    await row.getByRole("button", { name: "Actions for Team one" }).click();
    await page.getByRole("menuitem", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete it" }).click();
    await page.getByText("No workspace brings its own").waitFor();
    await api("/providers/own/own-house", undefined, "DELETE");
    assert.deepEqual(page.complaints, []);
  },
};
