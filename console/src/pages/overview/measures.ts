// The figures of the overview: which metric each is, how it is told, and whether more of it is good.
import { numberOf, type Row } from "~/api/analytics";
import { count, duration, percent, short, speed, usd } from "~/parts/format";
import type { ActivitySearch } from "~/router";

export type Measure = {
  title: string;
  metric: string;
  format: (value: number) => string;
  /** Sums are nothing where there was no call; typical values are unknown. */
  isSum: boolean;
  /** Which way is good news; neither when absent. */
  better?: "up" | "down";
  /** A second figure beside it. */
  note?: { metric: string; words: (value: number) => string };
  /** Which calls it is made of, beside the time. */
  calls?: ActivitySearch;
};

const sum = (title: string, metric: string, format: Measure["format"], more: Partial<Measure> = {}): Measure =>
  ({ title, metric, format, isSum: true, ...more });

/** Sums with pictures of their own row. */
export const sums: Measure[] = [
  sum("Spend", "total_usage", usd),
  sum("Calls", "request_count", short),
  sum("Tokens", "tokens_total", short, { note: { metric: "tokens_completion", words: (value) => `${short(value)} of them answers` } }),
];

/** Percentiles are kept for a month; what is further back is told as a mean. */
export const rest = (hasPercentiles: boolean): Measure[] => [
  sum("Errors", "failed_count", count, { better: "down", note: { metric: "error_rate", words: (value) => `${percent(value)} of all calls` }, calls: { outcome: "failed" } }),
  sum("Saved by caches", "cache_savings", usd, { better: "up", note: { metric: "cache_hit_rate", words: (value) => `${percent(value)} of prompts cached` } }),
  { title: hasPercentiles ? "First token, median" : "First token, mean", metric: hasPercentiles ? "ttft_p50" : "ttft_avg", format: duration, isSum: false, better: "down" },
  { title: hasPercentiles ? "Speed, median" : "Speed, mean", metric: hasPercentiles ? "throughput_p50" : "throughput_avg", format: speed, isSum: false, better: "up" },
];

/** Every metric that these are made of. */
export const metricsOf = (all: Measure[]) => all.flatMap(({ metric, note }) => [metric, ...(note ? [note.metric] : [])]);

/** How much more or less there was than before, as a share; nothing when there was nothing before. */
export function change(now: number | null, before: number | null): number | undefined {
  return now === null || !before ? undefined : (now - before) / Math.abs(before);
}

/** The second figure in words. */
export function noteOf({ note }: Measure, row: Row | undefined): string | undefined {
  const value = note && numberOf(row, note.metric);
  return note && value !== null && value !== undefined ? note.words(value) : undefined;
}
