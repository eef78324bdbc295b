// What the API says in names, in words for people. A name that is new here is shown as it is.

const plain = (name: string) => name.replaceAll("_", " ");

const modes: Record<string, string> = {
  balanced: "weighed by price and health", order: "as the request orders", price: "cheapest first",
  throughput: "fastest first", latency: "quickest to begin", exacto: "best with tools",
  auto_exacto: "best with tools", priority_tier: "priority tier", flex_tier: "flex tier",
};

/** How endpoints were ordered. */
export const modeWords = (mode: string) => modes[mode] ?? plain(mode);

/** Why an endpoint has its place. */
export const reasonWords = (reason: string) => plain(reason);

/** Why an endpoint was left out. */
export const filterWords = (filter: string | null) => (filter === null ? "left out" : plain(filter));

const rules: Record<string, string> = {
  complete: "complete: the answer came whole and the provider counted",
};

/** The row of the settlement table by which a call was charged. */
export const ruleWords = (rule: string) => rules[rule] ?? plain(rule);

const units: Record<string, string> = {
  input: "Input tokens", cache_read: "Cached input tokens", cache_write: "Cache write tokens",
  cache_write_1h: "Cache write tokens, an hour", output: "Output tokens", reasoning: "Reasoning tokens",
  input_audio: "Audio input tokens", output_audio: "Audio output tokens", request: "Requests",
};

/** A bucket of usage. */
export const unitWords = (unit: string) => units[unit] ?? plain(unit);
