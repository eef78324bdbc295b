// What is typed of a destination, and the request that it makes.
import type { Schemas } from "~/api/client";
import type { Destination } from "./queries";

export type Draft = {
  type: string;
  name: string;
  /** Settings of the type, as they are typed. */
  config: Record<string, string>;
  /** `name: value`, one a line. */
  headers: string;
  /** Percent of sessions. */
  share: number | string;
  keys: string[];
  /** Filter rules as JSON text; empty for none. */
  rules: string;
  /** Whether it is told what was asked and answered. */
  content: boolean;
  cost: boolean;
  identity: boolean;
  context: boolean;
};

type Config = Record<string, unknown>;

export function draftOf(one: Destination | undefined): Draft {
  const { headers, ...config } = (one?.config ?? {}) as Config;
  const texts = Object.entries(config).filter((pair): pair is [string, string] => typeof pair[1] === "string");
  return {
    type: one?.type ?? "otel-collector", name: one?.name ?? "", config: Object.fromEntries(texts),
    headers: Object.entries((headers ?? {}) as Record<string, string>).map(([name, value]) => `${name}: ${value}`).join("\n"),
    share: Math.round((one?.sampling_rate ?? 1) * 10_000) / 100, keys: one?.api_key_hashes ?? [], rules: one?.filter_rules ? JSON.stringify(one.filter_rules, null, 2) : "",
    content: one ? !one.privacy_mode : false, cost: one?.broadcast_generation_cost ?? true, identity: one?.broadcast_generation_identity ?? false, context: one?.broadcast_generation_request_context ?? false,
  };
}

/** What is wrong with the text of the rules, if anything is. */
export function ruleMistake(rules: string): string | undefined {
  try {
    if (rules.trim() !== "") JSON.parse(rules);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function headersOf(text: string): Record<string, string> {
  const lines = text.split("\n").map((line) => line.trim()).filter(Boolean);
  return Object.fromEntries(lines.map((line) => {
    const [name = "", ...rest] = line.split(":");
    return [name.trim(), rest.join(":").trim()];
  }));
}

/** The fields of a request; what was left empty is left to the server. */
export function fieldsOf(draft: Draft) {
  const config: Config = Object.fromEntries(Object.entries(draft.config).filter(([, value]) => value !== ""));
  const headers = headersOf(draft.headers);
  return {
    name: draft.name,
    config: { ...config, ...(Object.keys(headers).length > 0 ? { headers } : {}) },
    sampling_rate: Math.round(Number(draft.share) * 10_000) / 1_000_000,
    api_key_hashes: draft.keys.length > 0 ? draft.keys : null,
    filter_rules: draft.rules.trim() ? (JSON.parse(draft.rules) as Schemas["ObservabilityFilterRules"]) : null,
    privacy_mode: !draft.content, broadcast_generation_cost: draft.cost, broadcast_generation_identity: draft.identity, broadcast_generation_request_context: draft.context,
  };
}
