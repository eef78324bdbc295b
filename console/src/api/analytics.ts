// What calls add up to, asked of POST /analytics/query; and the pieces of time it is shown in.
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, told, type Schemas } from "./client";

export type Row = Record<string, string | number | null>;

/** A stretch of time, Unix milliseconds: from the first moment until before the last. */
export type Range = { from: number; to: number };

export type Filter = NonNullable<Schemas["AnalyticsQuery"]["filters"]>[number];

type Asked = {
  metrics: string[];
  range: Range;
  dimensions?: string[];
  filters?: Filter[];
  granularity?: Grain;
  order?: string;
  limit?: number;
};

export type Grain = "hour" | "day";

export const GRAIN_MS = { hour: 3_600_000, day: 86_400_000 } as const;

const iso = (at: number) => new Date(at).toISOString();

/** Rows of what was counted, kept on the page while newer ones are asked for. */
export const counted = ({ metrics, range, dimensions, filters, granularity, order, limit }: Asked) =>
  queryOptions({
    queryKey: ["analytics", metrics, range, dimensions, filters, granularity, order, limit],
    queryFn: async ({ signal }) => {
      const body = {
        metrics, dimensions, filters, granularity, limit,
        time_range: { start: iso(range.from), end: iso(range.to) },
        ...(order ? { order_by: { field: order, direction: "desc" as const } } : {}),
      };
      return (await told(api.POST("/analytics/query", { body, signal }))).data.data as Row[];
    },
    placeholderData: keepPreviousData,
    staleTime: 10_000,
  });

/** A period that ends now, and its pieces. */
export type Period = {
  grain: Grain;
  /** The beginning of each piece, Unix seconds. */
  at: number[];
  now: Range;
  /** As long, and as far into its last piece, so that the two can be compared. */
  before: Range;
};

/** So many hours or days, the present one included. `now` counts to the whole minute. */
export function period(grain: Grain, pieces: number, now: number): Period {
  const size = GRAIN_MS[grain];
  const to = Math.floor(now / 60_000) * 60_000 + 60_000;
  const from = Math.floor((to - 1) / size) * size - (pieces - 1) * size;
  const length = pieces * size;
  return {
    grain,
    at: Array.from({ length: pieces }, (_, index) => (from + index * size) / 1000),
    now: { from, to },
    before: { from: from - length, to: to - length },
  };
}

/** A number of a row; null where there is none. */
export const numberOf = (row: Row | undefined, metric: string): number | null => {
  const value = row?.[metric];
  return typeof value === "number" ? value : null;
};

/** A metric piece by piece of a range that begins there; `empty` where nothing was counted. */
export function pieces(rows: Row[], metric: string, from: number, { grain, at }: Period, empty: number | null): (number | null)[] {
  const values = at.map(() => empty);
  for (const row of rows) {
    const index = Math.round((Date.parse(String(row[`date__${grain}`])) - from) / GRAIN_MS[grain]);
    if (index >= 0 && index < values.length) values[index] = numberOf(row, metric) ?? empty;
  }
  return values;
}
