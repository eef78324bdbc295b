// The hours of the cache's health, filtered and added up.
import type { Schemas } from "~/api/client";

export type Hour = Schemas["CacheHealth"]["hours"][number];
export type Break = Schemas["CacheHealth"]["broken_sessions"][number];

export type Sums = { calls: number; prompt: number; read: number; written: number; saved: number };

const nothing = (): Sums => ({ calls: 0, prompt: 0, read: 0, written: 0, saved: 0 });

/** Money is added as whole nano-dollars. */
function add(sum: Sums, hour: Hour) {
  sum.calls += hour.calls;
  sum.prompt += hour.prompt_tokens;
  sum.read += hour.cache_read_tokens;
  sum.written += hour.cache_write_tokens;
  sum.saved = (Math.round(sum.saved * 1e9) + Math.round(hour.saved * 1e9)) / 1e9;
}

/** Read of the prompt's tokens; null where there were none. */
export const ratio = (sums: Sums) => (sums.prompt > 0 ? sums.read / sums.prompt : null);

/** All of them together. */
export function total(hours: Hour[]): Sums {
  const sum = nothing();
  for (const hour of hours) add(sum, hour);
  return sum;
}

export type Served = { model: string; endpoint: string; sums: Sums };

/** By model and endpoint, those with the most prompt tokens first. */
export function byEndpoint(hours: Hour[]): Served[] {
  const found = new Map<string, Served>();
  for (const hour of hours) {
    const key = `${hour.model}@${hour.endpoint}`;
    const one = found.get(key) ?? { model: hour.model, endpoint: hour.endpoint, sums: nothing() };
    add(one.sums, hour);
    found.set(key, one);
  }
  return [...found.values()].sort((a, b) => b.sums.prompt - a.sums.prompt || a.model.localeCompare(b.model));
}

export type Times = { at: number[]; sums: Sums[]; step: "hour" | "day" };

const HOUR = 3600;
const DAY = 86_400;

/** By hour for a day, else by day of UTC; every piece of the time has its place. */
export function byTime(hours: Hour[], from: string, to: string): Times {
  const [start, end] = [Date.parse(from) / 1000, Date.parse(to) / 1000];
  const length = end - start > 2 * DAY ? DAY : HOUR;
  const first = Math.floor(start / length) * length;
  const at: number[] = [];
  for (let place = first; place < end; place += length) at.push(place);
  const sums = at.map(nothing);
  for (const hour of hours) {
    const sum = sums[Math.floor((Date.parse(hour.hour) / 1000 - first) / length)];
    if (sum) add(sum, hour);
  }
  return { at, sums, step: length === DAY ? "day" : "hour" };
}
