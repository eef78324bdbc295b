// Asking models side by side, with attachments and tools, and taking the code along.
import assert from "node:assert/strict";

const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

const tool = [{ type: "function", function: { name: "get_weather", parameters: { type: "object", properties: { city: { type: "string" } } } } }];

/** Sends by the keyboard, once there is a key to call as. */
async function enter(page) {
  await page.locator("button:enabled", { hasText: "Send" }).waitFor();
  await page.keyboard.press("Enter");
}

export const tests = {
  async "three models answer one prompt, each with its measures, and the session adds up"({ open, pictures }) {
    const page = await open("/playground?models=simulated/echo,simulated/reasoner,simulated/gemini");
    await page.getByRole("textbox", { name: "Prompt", exact: true }).fill("Why do freight papers come in triplicate?");
    await enter(page);
    for (const name of ["echo", "reasoner", "gemini"]) {
      const column = page.getByRole("region", { name, exact: true });
      await column.getByText("This is a simulated answer").waitFor();
      const measures = column.getByRole("group", { name: "Measures" });
      await measures.getByText(/^\$0\.000/).waitFor();
      // The simulated Gemini answers so fast that a busy browser sees all of it at one moment.
      await measures.getByText(name === "gemini" ? "Speed" : /tok\/s/).waitFor();
    }
    await page.getByText("Reasoning", { exact: true }).waitFor();
    assert.match(await page.getByText(/^Session:/).textContent(), /\$0\.000/);
    await page.screenshot({ path: `${pictures}/playground-answers.png` });
    const answer = page.getByRole("region", { name: "echo", exact: true }).getByText("This is a simulated answer");
    await page.getByRole("button", { name: "Clear" }).click();
    await answer.waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Undo" }).click();
    await answer.waitFor();
    await page.getByRole("link", { name: "The waybill of this call" }).first().click();
    await page.getByRole("article", { name: /Waybill gen-/ }).getByText("Delivered").waitFor();
    assert.deepEqual(page.complaints, []);
  },

  async "a picture goes along, and parameters and tools are in the code"({ open }) {
    const page = await open("/playground?models=simulated/echo");
    await page.locator('input[type="file"]').setInputFiles({ name: "dot.png", mimeType: "image/png", buffer: Buffer.from(PIXEL, "base64") });
    await page.getByText("dot.png").waitFor();
    await page.getByRole("textbox", { name: "Prompt", exact: true }).fill("What is this?");
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByText("This is a simulated answer").waitFor();
    await page.getByRole("img", { name: "dot.png" }).waitFor();
    await page.getByRole("button", { name: "Options" }).click();
    const options = page.getByRole("dialog", { name: "Options" });
    await options.getByRole("spinbutton", { name: "Temperature" }).fill("0.2");
    await options.getByRole("button", { name: "Tools" }).click();
    const tools = options.getByRole("textbox", { name: "Function tools, as JSON" });
    await tools.fill("[{");
    await tools.blur();
    await options.getByText(/(in|of) JSON/).filter({ visible: true }).first().waitFor();
    await tools.fill(JSON.stringify(tool));
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Use the code" }).click();
    const code = page.getByRole("dialog", { name: "Use the code" });
    await code.getByRole("tab", { name: "OpenAI (Python)" }).click();
    const text = await code.getByRole("region", { name: "Code" }).textContent();
    assert.match(text, /temperature=0\.2/);
    assert.match(text, /get_weather/);
    assert.match(text, /image_url/);
    assert.deepEqual(page.complaints, []);
  },

  async "a long answer can be stopped, and a failure is told in words"({ open }) {
    const page = await open("/playground?models=simulated/echo");
    await page.route("**/api/v1/chat/completions", (route) => route.continue({ headers: { ...route.request().headers(), "x-simulate": "gap=300ms" } }));
    await page.getByRole("textbox", { name: "Prompt", exact: true }).fill("Take your time");
    await enter(page);
    await page.getByText("This is").waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByText("Stopped.").waitFor();
    await page.unroute("**/api/v1/chat/completions");
    await page.goto("/playground?models=simulated/none");
    await page.getByRole("textbox", { name: "Prompt", exact: true }).fill("Hello");
    await enter(page);
    await page.getByRole("alert").getByText("simulated/none").waitFor();
  },

  async "a PDF and a sound go along to models that take them, and others say that they do not"({ open }) {
    const page = await open("/playground?models=simulated/gemini,simulated/echo");
    await page.locator('input[type="file"]').setInputFiles([
      { name: "waybill.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.4\n%%EOF") },
      { name: "horn.wav", mimeType: "audio/wav", buffer: Buffer.from("RIFF\u0024\u0000\u0000\u0000WAVEfmt ") },
    ]);
    await page.getByText("echo does not take files, sound").waitFor();
    await page.getByRole("textbox", { name: "Prompt", exact: true }).fill("What is in them?");
    await page.getByRole("button", { name: "Send" }).click();
    const gemini = page.getByRole("region", { name: "gemini", exact: true });
    await gemini.getByText("This is a simulated answer").waitFor();
    await gemini.getByText("waybill.pdf").waitFor();
    await gemini.getByText("horn.wav").waitFor();
    await page.getByRole("region", { name: "echo", exact: true }).getByRole("alert").waitFor();
    await page.getByRole("button", { name: "Use the code" }).click();
    const code = page.getByRole("dialog", { name: "Use the code" });
    for (const [client, fits] of [["curl", /input_audio/], ["Anthropic (Python)", /"type": "document"/], ["Google GenAI (Python)", /"mime_type": "audio\/wav"/]]) {
      await code.getByRole("tab", { name: client }).click();
      assert.match(await code.getByRole("region", { name: "Code" }).filter({ visible: true }).textContent(), fits);
    }
  },

  async "a tool is called, its result is sent back, and the code of every client knows it"({ open, pictures }) {
    const page = await open("/playground?models=simulated/echo");
    await page.getByRole("button", { name: "Options" }).click();
    const options = page.getByRole("dialog", { name: "Options" });
    await options.getByRole("button", { name: "Tools" }).click();
    await options.getByRole("textbox", { name: "Function tools, as JSON" }).fill(JSON.stringify(tool));
    await page.keyboard.press("Escape");
    const script = (words) => page.route("**/api/v1/chat/completions", (route) => route.continue({ headers: { ...route.request().headers(), "x-simulate": words } }));
    await script("tools=1");
    await page.getByRole("textbox", { name: "Prompt", exact: true }).fill("How warm is it in Ghent?");
    await enter(page);
    await page.getByRole("textbox", { name: "What get_weather gives back" }).fill('{"temperature": 21}');
    await page.screenshot({ path: `${pictures}/playground-tool.png` });
    await page.unroute("**/api/v1/chat/completions");
    await script("no-tools");
    await page.getByRole("button", { name: "Send the result" }).click();
    await page.getByText("This is a simulated answer").waitFor();
    await page.getByRole("button", { name: "Use the code" }).click();
    const code = page.getByRole("dialog", { name: "Use the code" });
    const clients = [
      ["curl", /"role": "tool"/], ["OpenAI (Python)", /tool_call_id/], ["OpenAI (TypeScript)", /tool_call_id/],
      ["Anthropic (Python)", /"type": "tool_result"/], ["Google GenAI (Python)", /"function_response"/], ["Claude Code", /ANTHROPIC_BASE_URL/],
    ];
    for (const [client, fits] of clients) {
      await code.getByRole("tab", { name: client }).click();
      assert.match(await code.getByRole("region", { name: "Code" }).filter({ visible: true }).textContent(), fits);
    }
    assert.deepEqual(page.complaints, []);
  },

  async "an answer keeps to a schema, and the request says so"({ open }) {
    const page = await open("/playground?models=simulated/echo");
    await page.getByRole("button", { name: "Options" }).click();
    const options = page.getByRole("dialog", { name: "Options" });
    await options.getByRole("button", { name: "Structured output" }).click();
    const schema = { type: "object", properties: { certain: { type: "boolean" } }, required: ["certain"], additionalProperties: false };
    await options.getByRole("textbox", { name: "JSON schema of the answer" }).fill(JSON.stringify(schema));
    await page.keyboard.press("Escape");
    await page.getByRole("textbox", { name: "Prompt", exact: true }).fill("Is it?");
    const [request] = await Promise.all([page.waitForRequest("**/api/v1/chat/completions"), enter(page)]);
    assert.deepEqual(request.postDataJSON().response_format.json_schema.schema, schema);
    await page.getByRole("group", { name: "Measures" }).waitFor();
    assert.deepEqual(page.complaints, []);
  },
};
