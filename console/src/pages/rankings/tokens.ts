// Tokens of models over time, as the chart stacks them.
import { keepPreviousData } from "@tanstack/react-query";
import type { Schemas } from "~/api/client";
import type { Part } from "~/parts/Stack";
import { REST, SERIES } from "~/parts/plot";

type Item = Schemas["RankingsDailyItem"];
export type Per = "day" | "week" | "month";

/** What is ranked stays on the page while another choice is asked for, and is asked for again. */
export const ranked = { placeholderData: keepPreviousData, refetchInterval: 30_000 } as const;

/** Since the beginning of a day (UTC). */
export const since = (day: string) => `${day}T00:00:00.000Z`;

const moment = (seconds: number) => new Date(seconds * 1000).toISOString();

/** From one piece of time until before the next. */
export function until(at: number[], index: number, per: Per) {
  const end = new Date(at[index]! * 1000);
  if (per === "month") end.setUTCMonth(end.getUTCMonth() + 1);
  else end.setUTCDate(end.getUTCDate() + (per === "week" ? 7 : 1));
  return { from: moment(at[index]!), to: end.toISOString() };
}

export type Ranked = {
  model: string;
  tokens: number;
  /** Of all tokens. */
  share: number;
  /** The series of the chart that it is in. */
  color: string;
};

export type Course = { at: number[]; parts: Part[]; ranked: Ranked[]; sum: number };

/** The name under which the API adds up those that are not among the first fifty. */
export const OTHER = "other";

/** The beginning of each piece of the time, Unix seconds. */
export function pieces(from: string, to: string, per: Per): number[] {
  const at: number[] = [];
  const place = new Date(`${from}T00:00:00Z`);
  if (per === "week") place.setUTCDate(place.getUTCDate() - ((place.getUTCDay() + 6) % 7));
  if (per === "month") place.setUTCDate(1);
  const end = Date.parse(`${to}T00:00:00Z`);
  while (place.getTime() <= end) {
    at.push(place.getTime() / 1000);
    if (per === "month") place.setUTCMonth(place.getUTCMonth() + 1);
    else place.setUTCDate(place.getUTCDate() + (per === "week" ? 7 : 1));
  }
  return at;
}

/** Models by their tokens in the whole time; the first six have a series of their own. */
export function course(items: Item[], at: number[]): Course {
  const index = new Map(at.map((seconds, index) => [seconds, index]));
  const values = new Map<string, number[]>();
  for (const item of items) {
    const place = index.get(Date.parse(`${item.date}T00:00:00Z`) / 1000);
    if (place === undefined) continue;
    const row = values.get(item.model_permaslug) ?? at.map(() => 0);
    row[place] = (row[place] ?? 0) + Number(item.total_tokens);
    values.set(item.model_permaslug, row);
  }
  const sums = [...values].map(([model, row]) => ({ model, row, tokens: row.reduce((sum, value) => sum + value, 0) }));
  sums.sort((a, b) => Number(a.model === OTHER) - Number(b.model === OTHER) || b.tokens - a.tokens || a.model.localeCompare(b.model));
  const sum = sums.reduce((all, one) => all + one.tokens, 0);
  const hasOwn = (place: number, model: string) => place < SERIES.length && model !== OTHER;
  const parts: Part[] = sums.filter(({ model }, place) => hasOwn(place, model)).map(({ model, row }, place) => ({ name: model, color: SERIES[place]!, values: row }));
  const rest = sums.slice(parts.length);
  if (rest.length > 0) {
    parts.push({ name: "the others", color: REST, values: at.map((_, place) => rest.reduce((all, one) => all + (one.row[place] ?? 0), 0)) });
  }
  const ranked = sums.map(({ model, tokens }, place) => ({ model, tokens, share: sum > 0 ? tokens / sum : 0, color: hasOwn(place, model) ? SERIES[place]! : REST }));
  return { at, parts, ranked, sum };
}
