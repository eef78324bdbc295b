// The three views of one call: what the client saw, what Waybill recorded, what the simulated provider served.
//
// A test marks its call with a word of its own inside the prompt; the simulator's ledger is searched for that word.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

const required = (name) => process.env[name] ?? assert.fail(`${name} is not set; see scripts/test-clients`);
export const WAYBILL = required("WAYBILL_URL").replace(/\/$/, "");
export const KEY = required("WAYBILL_KEY");
export const MANAGEMENT_KEY = required("WAYBILL_MANAGEMENT_KEY");
export const SIMULATOR = required("SIMULATOR_URL").replace(/\/$/, "");

export const MODEL = "simulated/echo";
// How soon a provider must see that the client has left.
export const DISCONNECT_MS = 100;
// How long a test looks before it gives up.
export const LOOK_MS = 2000;

export const TEXT = "Grüße aus Köln, καλημέρα, こんにちは, 🚚📦 — and plain words as well.";

// A picture of one red point.
export const PICTURE =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";

// Every way in which a stream can go wrong after its beginning.
export const TROUBLE = [
  "error=3,chunks=20,gap=5ms", // the provider says so itself
  "abort=5000,chunks=100,gap=2ms", // the connection closes
  "cut=5000,chunks=100,gap=2ms", // a clean end, but far too early
  "finish=missing,no-done,chunks=5", // everything but an ending
];

export const WEATHER = {
  type: "function",
  function: {
    name: "get_weather",
    description: "The weather in a city",
    parameters: {
      type: "object",
      properties: { city: { type: "string" }, days: { type: "integer" } },
      required: ["city", "days"],
      additionalProperties: false,
    },
  },
};

/** Request headers that tell the simulated providers how to answer. */
export const script = (text) => ({ "x-simulate": text });

/** Text as a script's value. */
export const quoted = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);

/** One plain HTTP request: status and JSON. No SDK in between. */
export async function http(method, url, { body, key } = {}) {
  const headers = { ...(key && { authorization: `Bearer ${key}` }), ...(body && { "content-type": "application/json" }) };
  const response = await fetch(url, { method, headers, body: body && JSON.stringify(body) });
  const text = await response.text();
  return { status: response.status, body: text ? JSON.parse(text) : null };
}

/** A word that only this test's prompt contains. */
export class Mark {
  word = `mark-${randomUUID()}`;

  messages(text = "Say something.") {
    return [{ role: "user", content: `${text} ${this.word}` }];
  }

  /** What the simulator was asked for this mark, oldest first. */
  async served() {
    const { status, body } = await http("GET", `${SIMULATOR}/ledger?limit=10000&holding=${this.word}`);
    assert.equal(status, 200);
    assert.equal(body.simulated, true);
    return body.entries;
  }

  async servedOnce() {
    const entries = await this.served();
    assert.equal(entries.length, 1, "expected one upstream request");
    return entries[0];
  }

  /** The first entry that satisfies the test within the time, and how long it took. */
  async waitUntilServed(satisfies, milliseconds = LOOK_MS) {
    const start = performance.now();
    for (;;) {
      const entry = (await this.served()).find(satisfies);
      const waited = performance.now() - start;
      if (entry) return { entry, waited };
      assert.ok(waited < milliseconds, `not seen by the simulator within ${milliseconds} ms`);
      await sleep(2);
    }
  }
}

/** Waybill's record of a call, asked for once and at once: it has to be there when the answer has ended. */
export async function generation(id) {
  const { status, body } = await http("GET", `${WAYBILL}/api/v1/generation?id=${id}`, { key: KEY });
  assert.equal(status, 200, `no generation ${id}: ${JSON.stringify(body)}`);
  return body.data;
}

/** The record of a call whose end the client did not see, because it left. */
export async function waitForGeneration(id, milliseconds = 5000) {
  const start = performance.now();
  for (;;) {
    const { status, body } = await http("GET", `${WAYBILL}/api/v1/generation?id=${id}`, { key: KEY });
    if (status === 200) return body.data;
    assert.ok(performance.now() - start < milliseconds, `no generation ${id} within ${milliseconds} ms`);
    await sleep(20);
  }
}

/** Puts down a script for the very next upstream request, whichever simulated provider gets it. */
export async function failNextAttempt(text) {
  const { status } = await http("POST", `${SIMULATOR}/script`, { body: { model: "*", script: text, times: 1 } });
  assert.ok(status >= 200 && status < 300, `POST /script answered ${status}`);
}

export function checkWeatherCall(name, callArguments) {
  assert.equal(name, "get_weather");
  const { city, days } = JSON.parse(callArguments);
  assert.equal(typeof city, "string");
  assert.ok(Number.isInteger(days));
}
