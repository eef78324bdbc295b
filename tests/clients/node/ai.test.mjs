// Vercel's AI SDK with its providers for OpenAI (both APIs), Anthropic, Google and OpenRouter, each of them before
// models behind several dialects.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenRouter } from "@openrouter/ai-sdk-provider";
import { APICallError, generateText, jsonSchema, Output, stepCountIs, streamText, tool } from "ai";
import { KEY, Mark, MODEL, PICTURE, quoted, script, TEXT, TROUBLE, WAYBILL, WEATHER } from "./views.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false;

const MODELS = [MODEL, "simulated/responses", "simulated/messages", "simulated/gemini"];

/** What `fetch` is for one test: each request takes the next script. */
function scripted(scripts) {
  const rest = [...scripts];
  return (url, init) => {
    const headers = new Headers(init.headers);
    const text = rest.length > 1 ? rest.shift() : rest[0];
    if (text) headers.set("x-simulate", text);
    return fetch(url, { ...init, headers });
  };
}

const settings = (path, scripts) => ({ baseURL: WAYBILL + path, apiKey: KEY, fetch: scripted(scripts) });

const PROVIDERS = {
  "@ai-sdk/openai (chat)": {
    model: (name, ...scripts) => createOpenAI(settings("/api/v1", scripts)).chat(name),
    // It does not read what OpenAI's own Chat Completions never say: reasoning, and errors inside a stream.
    tellsReasoning: false,
    tellsErrors: false,
  },
  "@ai-sdk/openai (responses)": {
    model: (name, ...scripts) => createOpenAI(settings("/api/v1", scripts)).responses(name),
    thinking: { openai: { reasoningSummary: "auto", reasoningEffort: "low", store: false, forceReasoning: true } },
    options: { openai: { store: false } },
  },
  "@ai-sdk/anthropic": {
    model: (name, ...scripts) => createAnthropic(settings("/api/v1", scripts))(name),
    thinking: { anthropic: { thinking: { type: "enabled", budgetTokens: 1024 } } },
  },
  "@ai-sdk/google": {
    model: (name, ...scripts) => createGoogleGenerativeAI(settings("/api/v1beta", scripts))(name),
    thinking: { google: { thinkingConfig: { includeThoughts: true } } },
  },
  "@openrouter/ai-sdk-provider": {
    model: (name, ...scripts) => createOpenRouter(settings("/api/v1", scripts))(name),
    thinking: { openrouter: { reasoning: { effort: "low" } } },
  },
};

for (const [provider, { model: make, options, thinking, tellsReasoning = true, tellsErrors = true }] of Object.entries(PROVIDERS)) {
  for (const name of MODELS) {
    const check = (title, body) => test(`${provider}, ${name}: ${title}`, body);
    const call = (mark, model, more = {}) => ({
      model, prompt: `Say something. ${mark.word}`, maxRetries: 0, maxOutputTokens: 2000, providerOptions: options,
      onError: () => {}, ...more,
    });

    check("generateText", async () => {
      const mark = new Mark();
      const { text, finishReason, usage } = await generateText(
        call(mark, make(name, `text=${quoted(TEXT)}`), { system: "Be brief.", temperature: 0.5 }),
      );
      assert.equal(text, TEXT);
      assert.equal(finishReason, "stop");
      assert.ok(usage.inputTokens > 0 && usage.outputTokens > 0);
      assert.equal((await mark.servedOnce()).status, 200);
    });

    check("streamText", async () => {
      const result = streamText(call(new Mark(), make(name, `chunks=10,text=${quoted(TEXT)}`)));
      let said = "";
      for await (const text of result.textStream) said += text;
      assert.equal(said, TEXT);
      assert.equal(await result.finishReason, "stop");
      assert.ok((await result.usage).outputTokens > 0);
    });

    for (const streamed of [false, true]) {
      check(`a loop of three tool calls, ${streamed ? "streamed" : "whole"}`, async () => {
        const mark = new Mark();
        const asked = [];
        const weather = tool({
          description: "The weather in a city",
          inputSchema: jsonSchema(WEATHER.function.parameters),
          execute: async (input) => {
            asked.push(Object.keys(input).sort());
            return { sky: "clear" };
          },
        });
        const think = "tools,reasoning=20";
        const more = {
          tools: { get_weather: weather }, stopWhen: stepCountIs(6),
          providerOptions: { ...options, ...thinking },
        };
        const request = call(mark, make(name, think, think, think, "no-tools,text=Sunny"), more);
        const result = streamed ? streamText(request) : await generateText(request);
        if (streamed) await result.consumeStream();
        assert.equal(await result.text, "Sunny");
        assert.deepEqual(asked, Array(3).fill(["city", "days"]));
        assert.deepEqual((await mark.served()).map((entry) => entry.status), [200, 200, 200, 200]);
      });
    }

    check("reasoning is told apart", async () => {
      const result = streamText(call(new Mark(), make(name, "reasoning=20"), { providerOptions: { ...options, ...thinking } }));
      await result.consumeStream();
      assert.equal(Boolean(await result.reasoningText), tellsReasoning);
      assert.ok(await result.text);
    });

    check("structure is parsed", async () => {
      const city = { name: "Köln", people: 1073096 };
      const schema = jsonSchema({
        type: "object",
        properties: { name: { type: "string" }, people: { type: "integer" } },
        required: ["name", "people"],
        additionalProperties: false,
      });
      const json = quoted(JSON.stringify(city));
      const { output } = await generateText(
        call(new Mark(), make(name, `text=${json},arguments=${json}`), { output: Output.object({ schema }) }),
      );
      assert.deepEqual(output, city);
    });

    check("a picture reaches the provider", async () => {
      const mark = new Mark();
      const content = [
        { type: "text", text: mark.word }, { type: "image", image: PICTURE, mediaType: "image/png" },
      ];
      await generateText(call(mark, make(name, "tokens=5"), { prompt: undefined, messages: [{ role: "user", content }] }));
      assert.ok((await mark.servedOnce()).body.includes(PICTURE));
    });

    check("a rate limit is an APICallError", async () => {
      await assert.rejects(
        generateText(call(new Mark(), make(name, "status=429"))),
        (error) => APICallError.isInstance(error) && error.statusCode === 429 && error.isRetryable,
      );
    });

    check("a silent provider is waited for", async () => {
      const result = streamText(call(new Mark(), make(name, "first-token=2500ms,text=Late")));
      await result.consumeStream();
      assert.equal(await result.text, "Late");
    });

    check("the provider sees the client leave", async () => {
      const mark = new Mark();
      const leaving = new AbortController();
      const result = streamText(call(mark, make(name, "chunks=500,gap=20ms"), { abortSignal: leaving.signal }));
      for await (const _ of result.textStream) {
        leaving.abort();
        break;
      }
      const { entry } = await mark.waitUntilServed((entry) => entry.disconnected);
      assert.equal(entry.finished, false);
    });

    for (const trouble of TROUBLE) {
      check(`trouble in mid-stream is an error part, not an end: ${trouble}`, async () => {
        const result = streamText(call(new Mark(), make(name, trouble)));
        let said = "", error, finish;
        for await (const part of result.fullStream) {
          if (part.type === "text-delta") said += part.text;
          if (part.type === "error") error = part.error;
          if (part.type === "finish") finish = part.finishReason;
        }
        assert.notEqual(said, "");
        assert.equal(Boolean(error), tellsErrors);
        assert.ok(["error", "other", undefined].includes(finish), finish);
      });
    }
  }
}
