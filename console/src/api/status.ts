// The status of the house: with a session all of it, without one what the house has made public.
import { queryOptions } from "@tanstack/react-query";
import { api, told, type Schemas } from "./client";

export type Status = Schemas["Status"];

export const status = (isSignedIn: boolean) =>
  queryOptions({
    queryKey: ["status", isSignedIn],
    // The cookie of a session that has ended would shut out whom the public page lets in.
    queryFn: async ({ signal }) => (await told(api.GET("/status", { signal, credentials: isSignedIn ? "same-origin" : "omit" }))).data,
    refetchInterval: 15_000,
  });
