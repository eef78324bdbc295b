// What an operator should look at, each with the way to it.
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { api, told } from "~/api/client";
import { budgets, credentials, keys, readiness } from "~/api/queries";
import { count, percent } from "~/parts/format";
import { LinkText } from "~/parts/links";

type Note = { text: string; isBad: boolean; link: ReactNode };

/** From which share of a limit on it is near. */
const NEAR = 0.8;
const HOUR_MS = 3_600_000;

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

/** What an endpoint does now that it did not use to. */
const drifts = {
  empty: "answers with nothing", cut_short: "cuts answers short", broken_off: "breaks answers off",
  withheld: "withholds answers", invalid_tools: "calls tools wrongly", shorter: "answers shorter", longer: "answers longer",
} as const;

export function useAttention(unpriced: number, days: number): { notes: Note[]; isPending: boolean } {
  const allKeys = useQuery(keys);
  const allBudgets = useQuery(budgets);
  const all = useQuery(credentials);
  const ready = useQuery(readiness);
  const failed = useQuery(failures);
  const drift = useQuery(drifted);
  const notes: Note[] = [];
  for (const one of drift.data ?? []) {
    const [author = "", slug = ""] = (one.endpoint.split("@")[0] ?? "").split("/");
    const unit = one.what === "shorter" || one.what === "longer" ? " tokens" : " of a thousand";
    notes.push({
      text: `${one.endpoint} ${drifts[one.what]} more than it used to: ${one.recent}${unit}, ${one.before} before`, isBad: true,
      link: <LinkText to="/models/$author/$slug" params={{ author, slug }} size="sm">Its endpoints</LinkText>,
    });
  }
  for (const reason of ready.data?.reasons ?? []) notes.push({ text: `Not ready: ${reason}`, isBad: true, link: <LinkText to="/settings" size="sm">Settings</LinkText> });
  for (const notice of ready.data?.notices ?? []) notes.push({ text: notice, isBad: false, link: <LinkText to="/settings" size="sm">Settings</LinkText> });
  for (const one of (all.data ?? []).filter((one) => one.trouble)) {
    notes.push({ text: `The credential of ${one.provider_name} cannot be used: ${one.trouble}`, isBad: true, link: <LinkText to="/providers" size="sm">Providers</LinkText> });
  }
  if (failed.data) {
    const number = failed.data >= 100 ? "100 calls or more" : failed.data === 1 ? "One call" : `${failed.data} calls`;
    notes.push({ text: `${number} failed in the last hour`, isBad: true, link: <LinkText to="/activity" search={{ outcome: "failed", span: 3600 }} size="sm">Look at them</LinkText> });
  }
  if (unpriced > 0) {
    notes.push({ text: `${unpriced === 1 ? "One call has" : `${count(unpriced)} calls have`} no cost in ${days} days, because nobody stated a price`, isBad: false, link: <LinkText to="/ledger" size="sm">In the statement</LinkText> });
  }
  for (const key of allKeys.data ?? []) {
    if (key.disabled || !key.limit || key.limit_remaining === null || key.limit_remaining === undefined) continue;
    const share = 1 - key.limit_remaining / key.limit;
    if (share >= NEAR) notes.push({ text: `${key.name} has used ${percent(share, 0)} of its limit`, isBad: share >= 1, link: <LinkText to="/keys" size="sm">Keys</LinkText> });
  }
  for (const budget of (allBudgets.data ?? []).filter((budget) => budget.enabled && budget.limit > 0 && budget.subject !== "key")) {
    const share = budget.spent / budget.limit;
    if (share >= NEAR) notes.push({ text: `The ${budget.window} budget of ${budget.subject} ${budget.subject_id} is used up to ${percent(share, 0)}`, isBad: share >= 1, link: <LinkText to="/budgets" size="sm">Budgets</LinkText> });
  }
  return { notes, isPending: allKeys.isPending || failed.isPending };
}
