// A tool loop of ten turns whose model changes family in the middle: never refused, and what is lost is said.
//
// The simulated providers judge what comes back to them: thinking whose seal they did not issue is a 400 there, as it is
// at the providers that they stand for.

import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { KEY, Mark, script, WAYBILL, WEATHER } from "./views.mjs";

const TURNS = 10;
const FAMILIES = ["simulated/messages", "simulated/gemini", "simulated/responses", "simulated/echo"];
// It seals nothing.
const UNSEALED = "simulated/echo";
const headers = script("reasoning=20,tools");

const openai = new OpenAI({ baseURL: `${WAYBILL}/api/v1`, apiKey: KEY, maxRetries: 0, timeout: 30_000 });
const anthropic = new Anthropic({ baseURL: `${WAYBILL}/api`, apiKey: KEY, maxRetries: 0, timeout: 30_000 });

/** The members that an agent sends back to Responses: what OpenAI's schema has. */
const KEPT = ["type", "id", "summary", "encrypted_content", "call_id", "name", "arguments", "role", "content"];
const kept = (item) => Object.fromEntries(Object.entries(item).filter(([name]) => KEPT.includes(name)));

/** Each asks for one turn, adds it and its result to the history, and says what was dropped of the history. */
const CLIENTS = {
  "openai-node": async (model, history, turn) => {
    const tools = [WEATHER];
    const { data, response } = await openai.chat.completions
      .create({ model, messages: history, tools, reasoning: { effort: "low" } }, { headers }).withResponse();
    const { message } = data.choices[0];
    history.push(message, { role: "tool", tool_call_id: message.tool_calls[0].id, content: `sunny, turn ${turn}` });
    return response;
  },
  "openai-node (responses)": async (model, history, turn) => {
    const tools = [{ type: "function", ...WEATHER.function }];
    const more = { include: ["reasoning.encrypted_content"], store: false, reasoning: { effort: "low", summary: "auto" } };
    const { data, response } = await openai.responses
      .create({ model, input: history, tools, ...more }, { headers }).withResponse();
    const { call_id } = data.output.find((item) => item.type === "function_call");
    history.push(...data.output.map(kept), { type: "function_call_output", call_id, output: `sunny, turn ${turn}` });
    return response;
  },
  "@anthropic-ai/sdk": async (model, history, turn) => {
    const { name, description, parameters } = WEATHER.function;
    const { data, response } = await anthropic.messages.create({
      model, messages: history, max_tokens: 3000, thinking: { type: "enabled", budget_tokens: 1024 },
      tools: [{ name, description, input_schema: parameters }],
    }, { headers }).withResponse();
    const { id } = data.content.find((block) => block.type === "tool_use");
    const result = { type: "tool_result", tool_use_id: id, content: `sunny, turn ${turn}` };
    history.push({ role: "assistant", content: data.content }, { role: "user", content: [result] });
    return response;
  },
};

for (const [client, ask] of Object.entries(CLIENTS)) {
  for (const from of FAMILIES) {
    for (const to of FAMILIES.filter((family) => family !== from)) {
      test(`${client}: ${from} to ${to}`, async () => {
        const mark = new Mark();
        const history = mark.messages();
        const dropped = [];
        for (let turn = 0; turn < TURNS; turn++) {
          const response = await ask(turn < TURNS / 2 ? from : to, history, turn);
          dropped.push(response.headers.get("x-waybill-dropped") ?? "");
        }
        assert.deepEqual((await mark.served()).map((entry) => entry.status), Array(TURNS).fill(200));
        const travels = client === "openai-node" && to === UNSEALED; // the dialect of the door: byte for byte
        if (from !== UNSEALED && !travels) {
          for (const names of dropped.slice(TURNS / 2)) assert.match(names, /(messages|input)\[/);
        }
      });
    }
  }
}
