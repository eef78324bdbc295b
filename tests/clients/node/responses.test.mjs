// openai-node's and @openrouter/sdk's Responses against `waybill demo`: whole, streamed, with tools, from providers of
// the dialect itself and of another. The second one's schemas are strict.

import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import * as described from "@openrouter/sdk";
import * as newest from "@openrouter/sdk-newest";
import { KEY, Mark, MODEL, PICTURE, quoted, script, TEXT, WAYBILL, WEATHER } from "./views.mjs";

const openai = new OpenAI({ baseURL: `${WAYBILL}/api/v1`, apiKey: KEY, maxRetries: 0, timeout: 30_000 });
const TOOL = { type: "function", strict: true, ...WEATHER.function };
// The bytes travel to the first; for the second they are translated.
const MODELS = ["simulated/responses", MODEL];

const pictured = (mark, address) => [{ type: "message", role: "user", content: [
  { type: "input_text", text: mark.word },
  { type: "input_image", [address]: `data:image/png;base64,${PICTURE}`, detail: "auto" },
] }];

for (const model of MODELS) {
  test(`openai-node, responses, ${model}: a whole answer`, async () => {
    const mark = new Mark();
    const answer = await openai.responses.create(
      { model, input: mark.messages() }, { headers: script(`text=${quoted(TEXT)}`) },
    );
    assert.match(answer.id, /^gen-/);
    assert.equal(answer.output_text, TEXT);
    assert.ok(answer.usage.cost > 0);
    assert.equal((await mark.servedOnce()).status, 200);
  });

  test(`openai-node, responses, ${model}: the stream helper adds the events up`, async () => {
    const stream = openai.responses.stream(
      { model, input: new Mark().messages() }, { headers: script(`chunks=10,text=${quoted(TEXT)}`) },
    );
    const numbers = [];
    for await (const event of stream) numbers.push(event.sequence_number);
    assert.deepEqual(numbers, numbers.map((_, position) => position));
    const answer = await stream.finalResponse();
    assert.equal(answer.output_text, TEXT);
    assert.ok(answer.usage.cost > 0);
  });

  test(`openai-node, responses, ${model}: a tool is called and its result taken`, async () => {
    const question = new Mark().messages("How is the weather?");
    const answer = await openai.responses.create({ model, input: question, tools: [TOOL], tool_choice: "required" });
    const calls = answer.output.filter((item) => item.type === "function_call");
    assert.deepEqual(Object.keys(JSON.parse(calls[0].arguments)).sort(), ["city", "days"]);
    const results = calls.map((call) => ({ type: "function_call_output", call_id: call.call_id, output: "sunny" }));
    const second = await openai.responses.create(
      { model, input: [...question, ...answer.output, ...results], tools: [TOOL], tool_choice: "none" },
      { headers: script("text=Sunny") },
    );
    assert.equal(second.output_text, "Sunny");
  });

  test(`openai-node, responses, ${model}: thoughts are told apart`, async () => {
    const request = { model, input: new Mark().messages(), reasoning: { effort: "low", summary: "auto" } };
    const answer = await openai.responses.create(request, { headers: script("reasoning=20,text=So") });
    const [thought] = answer.output.filter((item) => item.type === "reasoning");
    assert.ok(thought.summary[0].text);
    assert.equal(answer.output_text, "So");
  });

  test(`openai-node, responses, ${model}: a picture reaches the provider`, async () => {
    const mark = new Mark();
    await openai.responses.create({ model, input: pictured(mark, "image_url") }, { headers: script("tokens=5") });
    assert.ok((await mark.servedOnce()).body.includes(PICTURE));
  });

  test(`openai-node, responses, ${model}: a silent provider is waited for`, async () => {
    const stream = openai.responses.stream(
      { model, input: new Mark().messages() }, { headers: script("first-token=2500ms,text=Late") },
    );
    assert.equal((await stream.finalResponse()).output_text, "Late");
  });

  test(`openai-node, responses, ${model}: the provider sees the client leave`, async () => {
    const mark = new Mark();
    const stream = await openai.responses.create(
      { model, input: mark.messages(), stream: true }, { headers: script("chunks=500,gap=20ms") },
    );
    for await (const event of stream) if (event.type === "response.output_text.delta") break;
    stream.controller.abort();
    const { entry } = await mark.waitUntilServed((entry) => entry.disconnected);
    assert.equal(entry.finished, false);
  });

  for (const [release, { OpenRouter }] of [["1.2", described], ["newest", newest]]) {
    const client = new OpenRouter({
      apiKey: KEY, serverURL: `${WAYBILL}/api/v1`, retryConfig: { strategy: "none" }, timeoutMs: 30_000,
    });

    test(`@openrouter/sdk ${release}, responses, ${model}: a whole answer`, async () => {
      const answer = await client.responses.send(
        { responsesRequest: { model, input: new Mark().messages() } }, { headers: script(`text=${quoted(TEXT)}`) },
      );
      assert.match(answer.id, /^gen-/);
      assert.equal(answer.output[0].content[0].text, TEXT);
      assert.ok(answer.usage.cost > 0);
    });

    test(`@openrouter/sdk ${release}, responses, ${model}: a picture reaches the provider`, async () => {
      const mark = new Mark();
      await client.responses.send(
        { responsesRequest: { model, input: pictured(mark, "imageUrl") } }, { headers: script("tokens=5") },
      );
      assert.ok((await mark.servedOnce()).body.includes(PICTURE));
    });

    test(`@openrouter/sdk ${release}, responses, ${model}: a streamed answer with reasoning`, async () => {
      const stream = await client.responses.send(
        { responsesRequest: { model, input: new Mark().messages(), stream: true } },
        { headers: script(`chunks=10,reasoning=20,text=${quoted(TEXT)}`) },
      );
      let said = "", last;
      for await (const event of stream) {
        if (event.type === "response.output_text.delta") said += event.delta;
        last = event;
      }
      assert.equal(said, TEXT);
      assert.equal(last.type, "response.completed");
      assert.ok(last.response.usage.cost > 0);
      assert.equal(last.response.usage.outputTokensDetails.reasoningTokens, 20);
    });
  }
}

test("openai-node, responses: state that is not kept is refused with the way out", async () => {
  const refused = await openai.responses.create({ model: MODEL, input: "hi", previous_response_id: "resp_1" })
    .catch((error) => error);
  assert.equal(refused.status, 400);
  assert.match(refused.message, /send the earlier input/);
});
