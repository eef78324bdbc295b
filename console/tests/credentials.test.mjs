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

  async "a workspace's own credential is for some models, keys and members alone, and says so"({ open, demo, manage: api, pictures }) {
    await api("/providers/own", { name: "Own house", base_url: `${demo.url}/v1`, key: demo.inference_key });
    const { data: keys } = await api("/keys");
    const page = await open("/providers");
    await page.getByRole("button", { name: "Add a workspace's own" }).click();
    const form = page.getByRole("dialog", { name: "Add a workspace's own credential" });
    const field = (name) => form.getByRole("combobox", { name }).or(form.getByRole("textbox", { name })).first();
    const choose = async (name, text, option) => {
      await field(name).fill(text);
      await page.getByRole("option", { name: option, exact: true }).click();
    };
    await choose("Provider", "Own house", "Own house");
    await form.locator("input[type=password]").fill("sk-any-0123456789abCD");
    await form.getByRole("textbox", { name: "Name" }).fill("Narrow");
    await form.getByText("When everything else has failed").click();
    await choose("Only for models", "simulated/echo", "simulated/echo");
    await choose("Only for models", "simulated/gemini", "simulated/gemini");
    await choose("Only for keys", keys[0].name, `${keys[0].name} (${keys[0].label})`);
    await field("Only for keys of members").fill("user-7");
    await page.keyboard.press("Enter");
    await page.screenshot({ path: `${pictures}/providers-terms.png` });
    await form.getByRole("button", { name: "Add", exact: true }).click();
    await form.waitFor({ state: "detached" });
    const stored = async () => (await api("/byok")).data.find((one) => one.name === "Narrow");
    const made = await stored();
    assert.deepEqual(
      [made.is_fallback, made.allowed_models, made.allowed_api_key_hashes, made.allowed_user_ids],
      [true, ["simulated/echo", "simulated/gemini"], [keys[0].hash], ["user-7"]],
    );
    await page.reload();
    const row = page.getByRole("row").filter({ hasText: "Narrow" });
    await row.getByText("only 2 models, 1 key, 1 member").waitFor();
    await row.getByText(/^last/).waitFor();

    // What was chosen stands in the form again, and is taken away there.
    await row.getByRole("button", { name: "Actions for Narrow" }).click();
    await page.getByRole("menuitem", { name: "Change its name and its calls" }).click();
    const change = page.getByRole("dialog", { name: "Change Narrow" });
    for (const chosen of ["simulated/echo", "simulated/gemini", "user-7"]) await change.getByText(chosen, { exact: true }).waitFor();
    for (const name of ["Only for keys of members", "Only for models"]) {
      await change.getByRole("combobox", { name }).or(change.getByRole("textbox", { name })).first().focus();
      for (let times = 0; times < 2; times += 1) await page.keyboard.press("Backspace");
    }
    // Whatever hangs from a field goes when the field is left.
    await change.getByRole("textbox", { name: "Name" }).focus();
    await page.getByRole("option").first().waitFor({ state: "detached" });
    await change.getByRole("button", { name: "Save" }).click();
    await change.waitFor({ state: "detached" });
    await row.getByText("only 1 key", { exact: true }).waitFor();
    const changed = await stored();
    assert.deepEqual([changed.allowed_models, changed.allowed_api_key_hashes, changed.allowed_user_ids], [null, [keys[0].hash], null]);
    await api(`/byok/${made.id}`, undefined, "DELETE");
    await api("/providers/own/own-house", undefined, "DELETE");
    assert.deepEqual(page.complaints, []);
  },
};
