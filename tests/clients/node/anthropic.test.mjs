// @anthropic-ai/sdk at `/messages`, against providers of its own dialect and of others.

import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import {
  DISCONNECT_MS, generation, KEY, Mark, MODEL, PICTURE, quoted, script, TEXT, TROUBLE, WAYBILL, WEATHER,
} from "./views.mjs";

const connect = (more = {}) =>
  new Anthropic({ baseURL: `${WAYBILL}/api`, apiKey: KEY, maxRetries: 0, timeout: 30_000, ...more });
const client = connect();
const OWN = "simulated/messages";
// The bytes travel to the first; for the others they are translated.
const MODELS = [OWN, MODEL, "simulated/responses", "simulated/gemini"];
const TOOL = { name: "get_weather", description: "The weather in a city", input_schema: WEATHER.function.parameters };
const THINKING = { type: "enabled", budget_tokens: 1024 };

const request = (model, mark, more) => ({ model, max_tokens: 2000, messages: mark.messages(), ...more });
const ask = (model, mark, text, more = {}) =>
  client.messages.create(request(model, mark, more), { headers: text ? script(text) : {} });
const listen = (model, mark, text, more = {}) =>
  client.messages.stream(request(model, mark, more), { headers: script(text) });

for (const model of MODELS) {
  const check = (title, body) => test(`@anthropic-ai/sdk, ${model}: ${title}`, body);

  check("a whole answer has its text and its cost", async () => {
    const mark = new Mark();
    const { data, response } = await client.messages
      .create(request(model, mark, { system: "Be brief." }), { headers: script(`text=${quoted(TEXT)}`) })
      .withResponse();
    assert.deepEqual(data.content.map((block) => block.text), [TEXT]);
    assert.equal(data.stop_reason, "end_turn");
    const record = await generation(response.headers.get("x-generation-id"));
    assert.equal(record.total_cost, data.usage.cost);
    assert.equal(record.native_tokens_prompt, data.usage.input_tokens);
    assert.equal((await mark.servedOnce()).status, 200);
  });

  check("the stream helper adds the events up", async () => {
    const stream = listen(model, new Mark(), `chunks=10,text=${quoted(TEXT)}`);
    let said = "";
    stream.on("text", (text) => (said += text));
    const message = await stream.finalMessage();
    assert.equal(said, TEXT);
    assert.equal(await stream.finalText(), TEXT);
    assert.equal(message.stop_reason, "end_turn");
    assert.ok(message.usage.output_tokens > 0);
  });

  check("tools are called with thought, and their results taken", async () => {
    const mark = new Mark();
    const more = { tools: [TOOL], thinking: THINKING };
    const answer = await listen(model, mark, "reasoning=20,tools=2", more).finalMessage();
    assert.equal(answer.stop_reason, "tool_use");
    const calls = answer.content.filter((block) => block.type === "tool_use");
    assert.deepEqual(calls.map((call) => Object.keys(call.input).sort()), [["city", "days"], ["city", "days"]]);
    const second = await ask(model, mark, "no-tools,text=Sunny", {
      ...more,
      messages: [
        ...mark.messages(), { role: "assistant", content: answer.content },
        { role: "user", content: calls.map(({ id }) => ({ type: "tool_result", tool_use_id: id, content: "sunny" })) },
      ],
    });
    assert.deepEqual(second.content.filter((block) => block.type === "text").map((block) => block.text), ["Sunny"]);
  });

  check("a picture reaches the provider", async () => {
    const mark = new Mark();
    const source = { type: "base64", media_type: "image/png", data: PICTURE };
    await ask(model, mark, "tokens=5", {
      messages: [{ role: "user", content: [{ type: "image", source }, { type: "text", text: mark.word }] }],
    });
    assert.ok((await mark.servedOnce()).body.includes(PICTURE));
  });

  check("tokens are counted", async () => {
    const { input_tokens } = await client.messages.countTokens({ model, messages: new Mark().messages("word ".repeat(100)) });
    assert.ok(input_tokens >= 100 && input_tokens < 1000);
  });

  check("a silent provider is waited for", async () => {
    assert.equal(await listen(model, new Mark(), "first-token=2500ms,text=Late").finalText(), "Late");
  });

  for (const trouble of TROUBLE) {
    check(`trouble in mid-stream is thrown after what had arrived: ${trouble}`, async () => {
      const stream = listen(model, new Mark(), trouble);
      let arrived = "";
      stream.on("text", (text) => (arrived += text));
      await assert.rejects(
        stream.finalMessage(),
        (error) => error instanceof Anthropic.APIError && error.error.type === "error" && error.error.error.type.endsWith("_error"),
      );
      assert.notEqual(arrived, "");
    });
  }

  check("errors have the SDK's own types", async () => {
    await assert.rejects(ask(model, new Mark(), "status=429,retry-after=7"), Anthropic.RateLimitError);
    await assert.rejects(ask(model, new Mark(), "status=503"), Anthropic.InternalServerError);
    await assert.rejects(ask(model, new Mark(), null, { temperature: "warm" }), Anthropic.BadRequestError);
    const stranger = connect({ apiKey: `sk-wb-v1-${"0".repeat(64)}` });
    await assert.rejects(stranger.messages.create(request(model, new Mark())), Anthropic.AuthenticationError);
  });

  check("the provider sees the client leave", async () => {
    const waits = [];
    // A busy machine may delay the looking itself: one prompt disconnect of three proves the point.
    for (let i = 0; i < 3; i++) {
      const mark = new Mark();
      const stream = listen(model, mark, "chunks=500,gap=20ms");
      stream.on("error", () => {});
      await stream.emitted("text");
      stream.abort();
      const { entry, waited } = await mark.waitUntilServed((entry) => entry.disconnected);
      assert.equal(entry.finished, false);
      waits.push(waited);
      if (waited < DISCONNECT_MS) return;
    }
    assert.fail(`the simulator saw the client leave only after ${waits} ms`);
  });
}
