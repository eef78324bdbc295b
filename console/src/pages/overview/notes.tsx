// What an operator should look at, each with the way to it.
import { useQuery } from "@tanstack/react-query";
import { api, told, type Schemas } from "~/api/client";
import { budgets, credentials, endpointHealth, keys, readiness } from "~/api/queries";
import { count, moment, percent, usd } from "~/parts/format";
import { callOf, callsOf, type Way } from "~/parts/Made";
import { linkTo } from "~/parts/slugs";

/** What is the matter, and the way there with its name. */
export type Note = { text: string; isBad: boolean; way: Way; name: string };

const page = (to: "/keys" | "/budgets" | "/providers" | "/settings" | "/ledger", title: string): Way => ({ to, title });

/** From which share of a limit on it is near. */
const NEAR = 0.8;
const HOUR_MS = 3_600_000;
/** The least that broken prefixes cost before they are worth a note, USD. */
const LOST_MIN = 0.01;

const failures = {
  queryKey: ["generations", "failures"],
  queryFn: async ({ signal }: { signal: AbortSignal }) => {
    const start = new Date(Date.now() - HOUR_MS).toISOString();
    const page = await told(api.GET("/generations", { params: { query: { start, outcome: "failed", limit: 100 } }, signal }));
    return (page as { data: unknown[] }).data.length;
  },
  refetchInterval: 15_000,
};

const drifted = {
  queryKey: ["drift"],
  queryFn: async ({ signal }: { signal: AbortSignal }) => (await told(api.GET("/observability/attention", { signal }))).data,
  refetchInterval: 30_000,
};

/** What prompt caches did in the last 24 hours. */
const caches = {
  queryKey: ["cache-health", "day"],
  queryFn: async ({ signal }: { signal: AbortSignal }) => (await told(api.GET("/cache/health", { signal }))).data,
  refetchInterval: 60_000,
};

/** What an endpoint does now that it did not use to. */
const drifts = {
  empty: "answers with nothing", cut_short: "cuts answers short", broken_off: "breaks answers off",
  withheld: "withholds answers", invalid_tools: "calls tools wrongly", shorter: "answers shorter", longer: "answers longer",
} as const;

function driftNote(one: Schemas["ObservabilityDrift"]): Note {
  const unit = one.what === "shorter" || one.what === "longer" ? " tokens" : " of a thousand";
  return {
    text: `${one.endpoint} ${drifts[one.what]} more than it used to: ${one.recent}${unit}, ${one.before} before`, isBad: true,
    way: { ...linkTo(one.endpoint.split("@")[0] ?? ""), title: "The endpoints of this model" }, name: "Its endpoints",
  };
}

/** Endpoints that fail or cool down just now. */
function endpointNotes(all: Schemas["ObservabilityEndpoint"][]): Note[] {
  const words = { down: "serves fewer than 80 of 100 attempts", limited: "says that it is asked too often", out: "has failed just now" } as const;
  const bad = all.filter((one) => one.standing in words);
  return bad.slice(0, 4).map((one) => ({
    text: `${one.provider_name} ${words[one.standing as keyof typeof words]}, with ${one.model}${one.cooling_until ? `; asked last until ${moment(one.cooling_until)}` : ""}`,
    isBad: one.standing !== "limited",
    way: callsOf({ endpoint: one.tag, model: one.model, span: 3600 }, "What it served in the last hour"), name: "Its calls",
  }));
}

function prefixNote(health: Schemas["CacheHealth"] | undefined): Note[] {
  const worst = [...(health?.broken_sessions ?? [])].sort((a, b) => b.lost - a.lost)[0];
  if (!health || !worst || health.lost_to_prefix_changes < LOST_MIN) return [];
  const { part } = worst.prefix_break;
  return [{
    text: `Prompts that changed lost ${usd(health.lost_to_prefix_changes)} of cached input in 24 hours; the dearest one in ${part} for ${worst.model}`, isBad: false,
    way: callOf(worst.generation_id), name: "That call",
  }];
}

/** Keys and budgets of which most is used. */
function limitNotes(allKeys: Schemas["Key"][], allBudgets: Schemas["Budget"][]): Note[] {
  const notes: Note[] = [];
  for (const key of allKeys) {
    if (key.disabled || !key.limit || key.limit_remaining === null || key.limit_remaining === undefined) continue;
    const share = 1 - key.limit_remaining / key.limit;
    if (share >= NEAR) notes.push({ text: `${key.name} has used ${percent(share, 0)} of its limit`, isBad: share >= 1, way: page("/keys", "What keys have spent"), name: "Keys" });
  }
  for (const budget of allBudgets.filter((budget) => budget.enabled && budget.limit > 0 && budget.subject !== "key")) {
    const share = budget.spent / budget.limit;
    if (share >= NEAR) notes.push({ text: `The ${budget.window} budget of ${budget.subject} ${budget.subject_id} is used up to ${percent(share, 0)}`, isBad: share >= 1, way: page("/budgets", "What was spent of budgets"), name: "Budgets" });
  }
  return notes;
}

/** All notes, what is bad first. `unpriced` calls are those of the period that is shown. */
export function useNotes(unpriced: number, length: string): { notes: Note[]; isPending: boolean } {
  const allKeys = useQuery(keys);
  const allBudgets = useQuery(budgets);
  const all = useQuery(credentials);
  const ready = useQuery(readiness);
  const failed = useQuery(failures);
  const drift = useQuery(drifted);
  const endpoints = useQuery(endpointHealth);
  const cache = useQuery(caches);
  const settings = { way: page("/settings", "This server"), name: "Settings" };
  const notes: Note[] = [
    ...(ready.data?.reasons ?? []).map((reason) => ({ text: `Not ready: ${reason}`, isBad: true, ...settings })),
    ...(ready.data?.notices ?? []).map((text) => ({ text, isBad: false, ...settings })),
    ...(all.data ?? []).filter((one) => one.trouble).map((one) => ({
      text: `The credential of ${one.provider_name} cannot be used: ${one.trouble}`, isBad: true, way: page("/providers", "Credentials of providers"), name: "Providers",
    })),
    ...endpointNotes(endpoints.data ?? []),
    ...(drift.data ?? []).map(driftNote),
    ...limitNotes(allKeys.data ?? [], allBudgets.data ?? []),
    ...prefixNote(cache.data),
  ];
  if (failed.data) {
    const number = failed.data >= 100 ? "100 calls or more" : failed.data === 1 ? "One call" : `${failed.data} calls`;
    notes.push({ text: `${number} failed in the last hour`, isBad: true, way: callsOf({ outcome: "failed", span: 3600 }), name: "Look at them" });
  }
  if (unpriced > 0) {
    notes.push({ text: `${unpriced === 1 ? "One call has" : `${count(unpriced)} calls have`} no cost in ${length}, because nobody stated a price`, isBad: false, way: page("/ledger", "The statement, which counts them"), name: "In the statement" });
  }
  return { notes: notes.sort((a, b) => Number(b.isBad) - Number(a.isBad)), isPending: allKeys.isPending || failed.isPending };
}
