// @openrouter/sdk against `waybill demo`. Its schemas are strict: a missing or mistyped field is an exception.
//
// Two versions: the one that the reference document describes, and the newest, which asks for more.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as described from "@openrouter/sdk";
import * as describedErrors from "@openrouter/sdk/models/errors";
import * as newest from "@openrouter/sdk-newest";
import * as newestErrors from "@openrouter/sdk-newest/models/errors";
import {
  checkWeatherCall, DISCONNECT_MS, failNextAttempt, generation, KEY, MANAGEMENT_KEY, Mark, MODEL, PICTURE, quoted,
  script, TEXT, WAYBILL, WEATHER,
} from "./views.mjs";

const RELEASES = [
  { name: "@openrouter/sdk 1.2", OpenRouter: described.OpenRouter, errors: describedErrors },
  { name: "@openrouter/sdk newest", OpenRouter: newest.OpenRouter, errors: newestErrors },
];

for (const { name, OpenRouter, errors } of RELEASES) {
  // Left alone, the SDK retries a 5xx for up to an hour.
  const connect = (apiKey) =>
    new OpenRouter({ apiKey, serverURL: `${WAYBILL}/api/v1`, retryConfig: { strategy: "none" }, timeoutMs: 30_000 });
  const client = connect(KEY);
  const desk = connect(MANAGEMENT_KEY);
  const check = (title, body) => test(`${name}: ${title}`, body);

  const ask = (mark, text, more = {}, options = {}) =>
    client.chat.send(
      { chatRequest: { model: MODEL, messages: mark.messages(), ...more } },
      { headers: text ? script(text) : {}, ...options },
    );

  async function listen(mark, text, more = {}) {
    const chunks = [];
    for await (const chunk of await ask(mark, text, { stream: true, ...more })) chunks.push(chunk);
    return chunks;
  }

  const contentOf = (chunks) => chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");

  // === Chat ===

  check("a whole answer", async () => {
    const mark = new Mark();
    const answer = await ask(mark, `text=${quoted(TEXT)}`);
    assert.match(answer.id, /^gen-/);
    assert.equal(answer.choices[0].message.content, TEXT);
    assert.equal(answer.choices[0].finishReason, "stop");
    assert.ok(answer.usage.cost > 0);
    assert.equal(typeof answer.usage.costDetails.upstreamInferencePromptCost, "number");
    assert.equal(answer.usage.isByok, false);
    assert.equal((await mark.servedOnce()).status, 200);
  });

  check("a streamed answer", async () => {
    const chunks = await listen(new Mark(), `chunks=10,text=${quoted(TEXT)}`);
    assert.equal(contentOf(chunks), TEXT);
    assert.deepEqual(chunks.flatMap((chunk) => chunk.choices[0]?.finishReason ?? []), ["stop"]);
    assert.deepEqual(chunks.at(-1).choices, []);
    assert.ok(chunks.at(-1).usage.cost > 0);
  });

  check("reasoning, whole and streamed", async () => {
    const answer = await ask(new Mark(), "reasoning=20");
    assert.ok(answer.choices[0].message.reasoning);
    assert.equal(answer.usage.completionTokensDetails.reasoningTokens, 20);
    const chunks = await listen(new Mark(), "reasoning=20");
    assert.ok(chunks.some((chunk) => chunk.choices[0]?.delta.reasoning));
  });

  check("a picture reaches the provider", async () => {
    const mark = new Mark();
    const picture = { type: "image_url", imageUrl: { url: `data:image/png;base64,${PICTURE}` } };
    await ask(mark, "tokens=5", { messages: [{ role: "user", content: [{ type: "text", text: mark.word }, picture] }] });
    assert.ok((await mark.servedOnce()).body.includes(PICTURE));
  });

  check("embeddings.generate", async () => {
    const { data, usage } = await client.embeddings.generate(
      { requestBody: { model: "simulated/vectors", input: ["one", "two"] } },
    );
    assert.deepEqual(data.map((one) => one.index), [0, 1]);
    assert.ok(data[0].embedding.length > 0);
    assert.ok(usage.cost > 0);
  });

  check("comments bridge a silent provider and the client skips them", async () => {
    const chunks = await listen(new Mark(), `first-token=4s,chunks=3,text=${quoted(TEXT)}`);
    assert.equal(contentOf(chunks), TEXT);
  });

  check("a tool call, whole", async () => {
    const answer = await ask(new Mark(), null, { tools: [WEATHER], toolChoice: "required" });
    assert.equal(answer.choices[0].finishReason, "tool_calls");
    const [call] = answer.choices[0].message.toolCalls;
    checkWeatherCall(call.function.name, call.function.arguments);
  });

  check("tool calls, streamed", async () => {
    const calls = [];
    for (const chunk of await listen(new Mark(), "tools=2", { tools: [WEATHER] })) {
      for (const part of chunk.choices[0]?.delta.toolCalls ?? []) {
        const call = (calls[part.index] ??= { name: "", arguments: "" });
        call.name += part.function?.name ?? "";
        call.arguments += part.function?.arguments ?? "";
      }
    }
    assert.equal(calls.length, 2);
    for (const call of calls) checkWeatherCall(call.name, call.arguments);
  });

  check("a provider preference is accepted and honoured", async () => {
    const offered = await client.endpoints.list({ author: "simulated", slug: "echo" });
    assert.ok(offered.data.endpoints.length > 1);
    const answer = await ask(new Mark(), null, { provider: { allowFallbacks: true }, sessionId: "sdk" });
    assert.ok(answer.choices[0].message.content);
  });

  check("the next provider answers when the first fails", async () => {
    const mark = new Mark();
    await failNextAttempt("status=503");
    assert.ok((await ask(mark)).choices[0].message.content);
    const statuses = (await mark.served()).map((entry) => entry.status);
    assert.deepEqual([statuses.length > 1, statuses[0], statuses.at(-1)], [true, 503, 200]);
  });

  // === Errors ===

  check("a bad key is unauthorized", async () => {
    await assert.rejects(
      connect(`sk-wb-v1-${"0".repeat(64)}`).chat.send({ chatRequest: { model: MODEL, messages: new Mark().messages() } }),
      (error) => error instanceof errors.UnauthorizedResponseError && error.error.code === 401,
    );
  });

  check("an unknown model is a bad request", async () => {
    await assert.rejects(
      ask(new Mark(), null, { model: "simulated/ehco" }),
      (error) => error instanceof errors.BadRequestResponseError && error.error.message.includes(MODEL),
    );
  });

  check("a rate limit everywhere is too many requests", async () => {
    await assert.rejects(
      ask(new Mark(), "status=429,retry-after=7"),
      (error) => error instanceof errors.TooManyRequestsResponseError && error.error.code === 429,
    );
  });

  check("a broken provider is a bad gateway or unavailable", async () => {
    await assert.rejects(
      ask(new Mark(), "status=503"),
      (error) => error instanceof errors.ServiceUnavailableResponseError || error instanceof errors.BadGatewayResponseError,
    );
  });

  check("trouble in mid-stream is a chunk with an error and the finish reason error", async () => {
    const chunks = await listen(new Mark(), "error=3,chunks=20,gap=5ms");
    const last = chunks.at(-1);
    assert.ok(last.error.code >= 500);
    assert.ok(last.error.metadata.errorType);
    assert.equal(last.choices[0].finishReason, "error");
    assert.notEqual(contentOf(chunks), "");
  });

  check("the provider sees an aborted call leave within a tenth of a second", async () => {
    const waits = [];
    for (let i = 0; i < 3; i++) {
      const mark = new Mark();
      const leaving = new AbortController();
      const chunks = await ask(mark, "chunks=500,gap=20ms", { stream: true }, { signal: leaving.signal });
      const reader = chunks.getReader();
      await reader.read();
      reader.read().catch(() => {}); // the abort ends this read with an error, as it should
      leaving.abort();
      const { waited } = await mark.waitUntilServed((entry) => entry.disconnected);
      waits.push(waited);
      if (waited < DISCONNECT_MS) return;
    }
    assert.fail(`the simulator saw the client leave only after ${waits} ms`);
  });

  // === The catalogue ===

  check("models.list, with and without a filter", async () => {
    const pages = await client.models.list();
    const all = [];
    for await (const page of pages) all.push(...(page.result ?? page).data);
    const echo = all.find((model) => model.id === MODEL);
    assert.ok(echo);
    assert.ok(Number(echo.pricing.prompt) > 0);
    const withTools = [];
    for await (const page of await client.models.list({ supportedParameters: "tools" })) {
      withTools.push(...(page.result ?? page).data);
    }
    assert.ok(withTools.length > 0 && withTools.length <= all.length);
    assert.ok(withTools.every((model) => model.supportedParameters.includes("tools")));
  });

  check("models.count, models.get and models.listForUser", async () => {
    assert.ok((await client.models.count()).data.count > 0);
    const one = await client.models.get({ author: "simulated", slug: "echo" });
    assert.equal(one.data.id, MODEL);
    const own = [];
    for await (const page of await client.models.listForUser({ bearer: KEY })) own.push(...(page.result ?? page).data);
    assert.ok(own.some((model) => model.id === MODEL));
  });

  check("endpoints.list", async () => {
    const { data } = await client.endpoints.list({ author: "simulated", slug: "echo" });
    assert.equal(data.id, MODEL);
    for (const endpoint of data.endpoints) {
      assert.ok(endpoint.contextLength > 0);
      assert.match(String(endpoint.pricing.prompt), /^[0-9.]+$/);
    }
  });

  check("providers.list", async () => {
    const { data } = await client.providers.list();
    assert.ok(data.some((provider) => provider.name.toLowerCase().includes("simulated")));
  });

  // === Records, keys, credits ===

  check("generations.getGeneration agrees with the answer", async () => {
    const mark = new Mark();
    const answer = await ask(mark, "tokens=30");
    const { data } = await client.generations.getGeneration({ id: answer.id });
    assert.equal(data.id, answer.id);
    assert.equal(data.nativeTokensPrompt, answer.usage.promptTokens);
    assert.equal(data.nativeTokensCompletion, answer.usage.completionTokens);
    assert.equal(data.totalCost, answer.usage.cost);
    assert.equal(data.streamed, false);
    assert.ok(data.providerResponses.length >= 1);
    assert.equal((await generation(answer.id)).native_tokens_completion, (await mark.servedOnce()).completion_tokens);
  });

  check("apiKeys.getCurrentKeyMetadata", async () => {
    const { data } = await client.apiKeys.getCurrentKeyMetadata();
    assert.equal(data.isManagementKey, false);
    assert.ok(data.usage >= 0);
    assert.equal((await desk.apiKeys.getCurrentKeyMetadata()).data.isManagementKey, true);
  });

  check("apiKeys: a key's whole life", async () => {
    const expiresAt = new Date(Date.now() + 3_600_000);
    const made = await desk.apiKeys.create({ requestBody: { name: "of the SDK", limit: 5, limitReset: "monthly", expiresAt } });
    const { hash } = made.data;
    assert.match(made.key, /^sk-wb-v1-[0-9a-f]{64}$/);
    assert.equal(made.data.limit, 5);
    assert.equal(made.data.limitRemaining, 5);
    assert.equal(made.data.limitReset, "monthly");
    assert.equal(Math.floor(made.data.expiresAt / 1000), Math.floor(expiresAt / 1000));
    assert.ok(!made.data.label.includes(made.key.slice(20, 60)), "a label must not give the key away");

    const answer = await connect(made.key).chat.send({ chatRequest: { model: MODEL, messages: new Mark().messages() } });
    assert.ok(answer.usage.cost > 0);

    assert.ok((await desk.apiKeys.list()).data.some((key) => key.hash === hash));
    const changed = await desk.apiKeys.update({ hash, requestBody: { name: "renamed", disabled: true, limit: null } });
    assert.equal(changed.data.name, "renamed");
    assert.equal(changed.data.disabled, true);
    assert.equal(changed.data.limit, null);
    const found = await desk.apiKeys.get({ hash });
    assert.equal(found.data.name, "renamed");
    assert.ok((await desk.apiKeys.list({ includeDisabled: true })).data.some((key) => key.hash === hash));

    assert.equal((await desk.apiKeys.delete({ hash })).deleted, true);
    await assert.rejects(desk.apiKeys.get({ hash }), (error) => error instanceof errors.NotFoundResponseError);
  });

  check("an inference key may not make keys", async () => {
    await assert.rejects(client.apiKeys.create({ requestBody: { name: "mine" } }), (error) => [401, 403].includes(error.statusCode));
  });

  check("credits.getCredits", async () => {
    const { data } = await desk.credits.getCredits();
    assert.equal(typeof data.totalCredits, "number");
    assert.ok(data.totalUsage >= 0);
  });
}
