// What was spent, called and counted, day by day, from the statement of the ledger.
import type { Schemas } from "~/api/client";

type Line = Schemas["Statement"]["data"][number];

export type Sums = { cost: number; calls: number; tokens: number; unpriced: number };

export type Period = {
  /** Unix seconds of each day's beginning, UTC. */
  at: number[];
  days: Sums[];
  sum: Sums;
};

const nothing = (): Sums => ({ cost: 0, calls: 0, tokens: 0, unpriced: 0 });

/** A day of UTC, so many days from today; as the API writes it. */
export function dayFrom(today: Date, days: number): string {
  return new Date(Date.UTC(today.getUTCFullYear(), today.getUTCMonth(), today.getUTCDate() + days)).toISOString().slice(0, 10);
}

/** Costs are added as whole nano-dollars. */
function add(sum: Sums, line: Line) {
  sum.cost = (Math.round(sum.cost * 1e9) + Math.round(line.cost * 1e9)) / 1e9;
  sum.calls += line.requests;
  sum.tokens += line.prompt_tokens + line.completion_tokens;
  sum.unpriced += line.unpriced;
}

/** The days from `first` on. */
export function period(lines: Line[], first: string, length: number): Period {
  const start = Date.parse(`${first}T00:00:00Z`) / 1000;
  const at = Array.from({ length }, (_, index) => start + index * 86_400);
  const days = at.map(nothing);
  const sum = nothing();
  for (const line of lines) {
    const index = Math.round((Date.parse(`${line.date}T00:00:00Z`) / 1000 - start) / 86_400);
    const day = days[index];
    if (!day) continue;
    add(day, line);
    add(sum, line);
  }
  return { at, days, sum };
}

export type Ranked = { name: string; sums: Sums };

/** Models by what they cost, then by calls. */
export function byModel(lines: Line[], first: string): Ranked[] {
  const found = new Map<string, Sums>();
  for (const line of lines.filter((line) => line.date >= first && line.model !== "")) {
    const sums = found.get(line.model) ?? nothing();
    add(sums, line);
    found.set(line.model, sums);
  }
  const ranked = [...found].map(([name, sums]) => ({ name, sums }));
  return ranked.sort((a, b) => b.sums.cost - a.sums.cost || b.sums.calls - a.sums.calls);
}
