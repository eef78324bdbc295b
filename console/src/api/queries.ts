// What several pages ask for, each under one name, so that an answer is asked for once.
import { queryOptions } from "@tanstack/react-query";
import { api, told, type Schemas } from "./client";

export type Model = Schemas["Model"];
export type Endpoint = Schemas["Endpoint"];
export type Provider = Schemas["Provider"];
export type Key = Schemas["Key"];

/** Models that can be called here, or the whole catalog. */
export const models = (scope: "usable" | "all") =>
  queryOptions({
    queryKey: ["models", scope],
    queryFn: async ({ signal }) => {
      const query = { output_modalities: "all", ...(scope === "all" ? { all: "true" as const } : {}) };
      // The document has RSS as a second form of this answer, which is not asked for here.
      const list = await told(api.GET("/models", { params: { query }, signal }));
      return (list as Exclude<typeof list, string>).data;
    },
    staleTime: 60_000,
  });

/** A model for examples: the cheapest that answers in text and has a price. */
export function example(known: Model[]): Model | undefined {
  const price = (model: Model) => Number(model.pricing.prompt);
  const fit = known.filter((model) => model.architecture.output_modalities.includes("text") && price(model) >= 0);
  return fit.sort((a, b) => price(a) - price(b))[0];
}

export const endpoints = (author: string, slug: string) =>
  queryOptions({
    queryKey: ["endpoints", author, slug],
    queryFn: async ({ signal }) =>
      (await told(api.GET("/models/{author}/{slug}/endpoints", { params: { path: { author, slug } }, signal }))).data,
    refetchInterval: 15_000,
  });

export const providers = queryOptions({
  queryKey: ["providers"],
  queryFn: async ({ signal }) => (await told(api.GET("/providers", { signal }))).data,
  staleTime: 60_000,
});

/** How endpoints that were called do just now. */
export const endpointHealth = queryOptions({
  queryKey: ["endpoint-health"],
  queryFn: async ({ signal }) => (await told(api.GET("/observability/endpoints", { signal }))).data,
  refetchInterval: 10_000,
});

/** What is presented to providers, masked. */
export const credentials = queryOptions({
  queryKey: ["credentials"],
  queryFn: async ({ signal }) => (await told(api.GET("/credentials", { signal }))).data,
});

/** Workspaces' own credentials, and those of the house that were stored in the same way. */
export const byok = queryOptions({
  queryKey: ["byok"],
  queryFn: async ({ signal }) => {
    const all: Schemas["ByokKey"][] = [];
    for (;;) {
      const query = { workspace_id: "all", limit: 100, offset: all.length };
      const page = await told(api.GET("/byok", { params: { query }, signal }));
      all.push(...page.data);
      if (all.length >= page.total_count || page.data.length === 0) return all;
    }
  },
});

/** Providers that were added by hand. */
export const ownProviders = queryOptions({
  queryKey: ["own-providers"],
  queryFn: async ({ signal }) => (await told(api.GET("/providers/own", { signal }))).data,
});

/** All entries of a list that is told a hundred at a time. */
async function everyPage<Entry>(page: (offset: number) => Promise<{ data: Entry[] }>): Promise<Entry[]> {
  const all: Entry[] = [];
  for (;;) {
    const { data } = await page(all.length);
    all.push(...data);
    if (data.length < 100) return all;
  }
}

/** Every key of the default workspace, those that are switched off too. */
export const keys = queryOptions({
  queryKey: ["keys"],
  queryFn: ({ signal }) =>
    everyPage<Key>((offset) => told(api.GET("/keys", { params: { query: { include_disabled: "true", offset } }, signal }))),
});

/** Every budget, limits of keys and of workspaces too. */
export const budgets = queryOptions({
  queryKey: ["budgets"],
  queryFn: ({ signal }) =>
    everyPage<Schemas["Budget"]>((offset) => told(api.GET("/budgets", { params: { query: { offset } }, signal }))),
});

export const workspaces = queryOptions({
  queryKey: ["workspaces"],
  queryFn: async ({ signal }) => (await told(api.GET("/workspaces", { signal }))).data,
  staleTime: 60_000,
});

export const readiness = queryOptions({
  queryKey: ["readyz"],
  queryFn: async ({ signal }) => {
    const answer = await fetch("/readyz", { signal });
    return (await answer.json()) as Schemas["Readiness"];
  },
  refetchInterval: 30_000,
});
