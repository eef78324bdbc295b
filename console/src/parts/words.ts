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
