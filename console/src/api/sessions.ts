// Agent runs: what the calls of each add up to.
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, told, type Schemas } from "./client";

export type Session = Schemas["SessionSummary"];

export type SessionOrder = "last_call" | "cost";

type Asked = {
  sort: SessionOrder;
  /** Whose last call was not before, Unix milliseconds, to the minute. */
  from?: number;
};

const iso = (at: number | undefined) => (at === undefined ? undefined : new Date(at).toISOString());

const PAGE = 100;

/** Every session, page by page. */
export const sessionPages = ({ sort, from }: Asked) =>
  infiniteQueryOptions({
    queryKey: ["sessions", sort, from],
    queryFn: ({ signal, pageParam }) =>
      told(api.GET("/sessions", { params: { query: { sort, start: iso(from), cursor: pageParam, limit: PAGE } }, signal })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
    // Once somebody has gone on, the pages stay as they are.
    refetchInterval: (query) => ((query.state.data?.pages.length ?? 0) <= 1 ? 10_000 : false),
  });

/** The dearest few. */
export const dearest = (from: number, limit: number) =>
  queryOptions({
    queryKey: ["sessions", "dearest", from, limit],
    queryFn: async ({ signal }) => (await told(api.GET("/sessions", { params: { query: { sort: "cost", start: iso(from), limit } }, signal }))).data,
    placeholderData: keepPreviousData,
    refetchInterval: 15_000,
  });
