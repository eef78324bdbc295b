// openai-node against `waybill demo`: whole and streamed, tools, structure, errors, cancellation, records.

import assert from "node:assert/strict";
import { test as plain } from "node:test";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import {
  checkWeatherCall, DISCONNECT_MS, failNextAttempt, generation, KEY, Mark, MODEL, PICTURE, quoted, script, TEXT,
  waitForGeneration, WAYBILL, WEATHER,
} from "./views.mjs";

const connect = (more = {}) =>
  new OpenAI({ baseURL: `${WAYBILL}/api/v1`, apiKey: KEY, maxRetries: 0, timeout: 30_000, ...more });
const client = connect();
const test = (title, body) => plain(`openai-node, chat: ${title}`, body);

const ask = (mark, text, more = {}) =>
  client.chat.completions.create(
    { model: MODEL, messages: mark.messages(), ...more }, { headers: text ? script(text) : {} },
  );

async function listen(mark, text, more = {}) {
  const chunks = [];
  for await (const chunk of await ask(mark, text, { stream: true, ...more })) chunks.push(chunk);
  return chunks;
}

const contentOf = (chunks) => chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");

test("a whole answer carries OpenRouter's fields", async () => {
  const mark = new Mark();
  const answer = await ask(mark, `text=${quoted(TEXT)}`);
  assert.match(answer.id, /^gen-/);
  assert.equal(answer.choices[0].message.content, TEXT);
  assert.equal(answer.choices[0].finish_reason, "stop");
  assert.ok(answer.choices[0].native_finish_reason);
  assert.ok(answer.provider);
  assert.ok(answer.usage.cost > 0);
  assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
  assert.equal(answer.usage.prompt_tokens_details.cached_tokens, 0);
  assert.equal((await mark.servedOnce()).status, 200);
});

test("a stream says the same as a whole answer and ends with usage", async () => {
  const chunks = await listen(new Mark(), `chunks=10,text=${quoted(TEXT)}`);
  assert.equal(contentOf(chunks), TEXT);
  assert.equal(new Set(chunks.map((chunk) => chunk.id)).size, 1);
  assert.deepEqual(chunks.flatMap((chunk) => chunk.choices[0]?.finish_reason ?? []), ["stop"]);
  assert.deepEqual(chunks.map((chunk) => Boolean(chunk.usage)), chunks.map((_, i) => i === chunks.length - 1));
  assert.deepEqual(chunks.at(-1).choices, []);
  assert.ok(chunks.at(-1).usage.cost > 0);
});

test("characters split between packets arrive whole", async () => {
  const chunks = await listen(new Mark(), `split-utf8,write-gap=1ms,text=${quoted(TEXT)}`);
  assert.ok(contentOf(chunks).includes(TEXT));
});

test("comments bridge a silent provider and the client skips them", async () => {
  const chunks = await listen(new Mark(), `first-token=4s,chunks=3,text=${quoted(TEXT)}`);
  assert.equal(contentOf(chunks), TEXT);
});

test("reasoning arrives under OpenRouter's name", async () => {
  const answer = await ask(new Mark(), "reasoning=20");
  assert.ok(answer.choices[0].message.reasoning);
  assert.equal(answer.usage.completion_tokens_details.reasoning_tokens, 20);
  const chunks = await listen(new Mark(), "reasoning=20");
  assert.ok(chunks.some((chunk) => chunk.choices[0]?.delta.reasoning));
});

test("a picture reaches the provider", async () => {
  const mark = new Mark();
  const picture = { type: "image_url", image_url: { url: `data:image/png;base64,${PICTURE}` } };
  await ask(mark, "tokens=5", { messages: [{ role: "user", content: [{ type: "text", text: mark.word }, picture] }] });
  assert.ok((await mark.servedOnce()).body.includes(PICTURE));
});

test("a whole answer calls a tool", async () => {
  const answer = await ask(new Mark(), null, { tools: [WEATHER], tool_choice: "required" });
  assert.equal(answer.choices[0].finish_reason, "tool_calls");
  assert.equal(answer.choices[0].message.tool_calls.length, 1);
  const [call] = answer.choices[0].message.tool_calls;
  checkWeatherCall(call.function.name, call.function.arguments);
});

test("streamed tool calls add up", async () => {
  const runner = client.chat.completions.stream(
    { model: MODEL, messages: new Mark().messages(), tools: [WEATHER] }, { headers: script("tools=2") },
  );
  const answer = await runner.finalChatCompletion();
  assert.equal(answer.choices[0].finish_reason, "tool_calls");
  assert.equal(answer.choices[0].message.tool_calls.length, 2);
  for (const call of answer.choices[0].message.tool_calls) {
    checkWeatherCall(call.function.name, call.function.arguments);
  }
});

test("parse returns the caller's own type", async () => {
  const City = z.object({ name: z.string(), people: z.number(), rivers: z.array(z.string()) });
  const city = { name: "Köln", people: 1073096, rivers: ["Rhein", "Strunde"] };
  const mark = new Mark();
  const answer = await client.chat.completions.parse(
    { model: MODEL, messages: mark.messages(), response_format: zodResponseFormat(City, "city") },
    { headers: script(`text=${quoted(JSON.stringify(city))}`) },
  );
  assert.deepEqual(answer.choices[0].message.parsed, city);
  const asked = JSON.parse((await mark.servedOnce()).body);
  assert.equal(asked.response_format.json_schema.name, "city");
});

test("a model is retrieved", async () => {
  assert.equal((await client.models.retrieve(MODEL)).id, MODEL);
});

test("the model list has the simulated model", async () => {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.ok(ids.includes(MODEL));
});

test("twenty streams at once keep their answers apart", async () => {
  const texts = Array.from({ length: 20 }, (_, number) => `Stream number ${number} and no other.`);
  const heard = await Promise.all(
    texts.map(async (text) => contentOf(await listen(new Mark(), `gap=2ms,chunks=12,text=${quoted(text)}`))),
  );
  assert.deepEqual(heard, texts);
});

// === Errors ===

test("a bad key is an authentication error", async () => {
  const stranger = connect({ apiKey: `sk-wb-v1-${"0".repeat(64)}` });
  await assert.rejects(
    stranger.chat.completions.create({ model: MODEL, messages: new Mark().messages() }),
    (error) => error instanceof OpenAI.AuthenticationError && error.error.code === 401,
  );
});

test("an unknown model is a bad request that names the near miss", async () => {
  const mark = new Mark();
  await assert.rejects(
    ask(mark, null, { model: "simulated/ehco" }),
    (error) => error instanceof OpenAI.BadRequestError && error.message.includes(MODEL),
  );
  assert.deepEqual(await mark.served(), []);
});

for (const stream of [false, true]) {
  const form = stream ? "streamed" : "whole";

  test(`a rate limit everywhere is a rate limit error, ${form}`, async () => {
    const mark = new Mark();
    await assert.rejects(
      ask(mark, "status=429,retry-after=7", { stream }),
      (error) => error instanceof OpenAI.RateLimitError && error.headers.get("retry-after") === "7"
        && error.error.metadata.error_type === "rate_limit_exceeded",
    );
    assert.ok((await mark.served()).length > 1, "another endpoint should have been asked");
  });

  test(`the next provider answers when the first fails, ${form}`, async () => {
    const mark = new Mark();
    await failNextAttempt("status=503");
    if (stream) assert.ok(contentOf(await listen(mark, null)));
    else assert.ok((await ask(mark)).choices[0].message.content);
    const statuses = (await mark.served()).map((entry) => entry.status);
    assert.deepEqual([statuses.length > 1, statuses[0], statuses.at(-1)], [true, 503, 200]);
  });
}

for (const text of ["error=3,chunks=20,gap=5ms", "abort=1500,chunks=40,gap=5ms", "finish=missing,no-done,chunks=5"]) {
  test(`trouble in mid-stream is thrown after what had arrived: ${text}`, async () => {
    let arrived = "";
    await assert.rejects(
      async () => {
        for await (const chunk of await ask(new Mark(), text, { stream: true })) {
          arrived += chunk.choices[0]?.delta.content ?? "";
        }
      },
      (error) => error instanceof OpenAI.APIError && !(error instanceof OpenAI.APIConnectionError)
        && error.error.code >= 500,
    );
    assert.notEqual(arrived, "");
  });
}

// === Cancellation and records ===

async function leaveInMidStream(mark) {
  const { data: chunks, response } = await ask(mark, "chunks=500,gap=20ms", { stream: true }).withResponse();
  let seen = 0;
  for await (const _ of chunks) if (++seen === 3) break;
  chunks.controller.abort();
  return response.headers.get("x-generation-id");
}

test("the provider sees the client leave within a tenth of a second", async () => {
  const waits = [];
  // A busy machine may delay the looking itself: one prompt disconnect of three proves the point.
  for (let i = 0; i < 3; i++) {
    const mark = new Mark();
    await leaveInMidStream(mark);
    const { entry, waited } = await mark.waitUntilServed((entry) => entry.disconnected);
    assert.equal(entry.finished, false);
    waits.push(waited);
    if (waited < DISCONNECT_MS) return;
  }
  assert.fail(`the simulator saw the client leave only after ${waits} ms`);
});

test("a cancelled call is on record as cancelled", async () => {
  const record = await waitForGeneration(await leaveInMidStream(new Mark()));
  assert.equal(record.cancelled, true);
});

for (const stream of [false, true]) {
  test(`client, record and ledger agree, ${stream ? "streamed" : "whole"}`, async () => {
    const mark = new Mark();
    const { data, response } = await ask(mark, "tokens=50,reasoning=30", { stream }).withResponse();
    let usage = data.usage;
    if (stream) for await (const chunk of data) usage = chunk.usage ?? usage;
    const record = await generation(response.headers.get("x-generation-id"));
    const served = await mark.servedOnce();
    assert.equal(served.usage_sent.prompt, usage.prompt_tokens);
    assert.equal(record.native_tokens_prompt, usage.prompt_tokens);
    assert.equal(served.usage_sent.completion, usage.completion_tokens);
    assert.equal(record.native_tokens_completion, usage.completion_tokens);
    assert.equal(record.native_tokens_reasoning, 30);
    assert.equal(record.total_cost, usage.cost);
    assert.equal(record.streamed, stream);
  });
}
