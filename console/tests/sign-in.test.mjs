// The door of the console.
import assert from "node:assert/strict";

export const tests = {
  async "a stranger is led to the door and back to where he wanted to go"({ open, demo }) {
    const page = await open("/models?q=echo", { signedIn: false });
    await page.waitForURL(/\/sign-in/);
    await page.getByRole("textbox", { name: "Management key" }).fill("sk-wb-v1-wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").getByText("unknown").waitFor();
    await page.getByRole("textbox", { name: "Management key" }).fill(demo.management_key);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL(/\/models\?q=echo/);
    await page.getByRole("link", { name: "echo", exact: true }).waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForURL(/\/sign-in/);
  },

  async "the link of the first start lets in once"({ open, demo }) {
    const page = await open(new URL(demo.console_link).pathname + new URL(demo.console_link).hash, { signedIn: false });
    await page.getByRole("navigation", { name: "Pages" }).waitFor();
    assert.ok(!page.url().includes("link="), page.url());
    const again = await open("/sign-in" + new URL(demo.console_link).hash, { signedIn: false });
    await again.getByRole("alert").getByText("used before").waitFor();
  },
};
