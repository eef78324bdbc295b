// The record of one call.
import { queryOptions } from "@tanstack/react-query";
import { api, told, type Schemas } from "./client";

export type Generation = Schemas["Generation"];

export const generation = (id: string) =>
  queryOptions({
    queryKey: ["generation", id],
    queryFn: async ({ signal }) => (await told(api.GET("/generation", { params: { query: { id } }, signal }))).data,
    enabled: id !== "",
    staleTime: 60_000,
  });
