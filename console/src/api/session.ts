// Who is signed in, and signing in and out.
import { queryOptions } from "@tanstack/react-query";
import { api, told, type Schemas } from "./client";

export type Standing = Schemas["ConsoleStanding"];

export const standing = queryOptions({
  queryKey: ["session"],
  queryFn: async () => (await told(api.GET("/console/session"))).data,
  staleTime: 5 * 60_000,
});

const header = { header: { "X-Waybill-Console": "1" } };

export async function signIn(body: Schemas["SignIn"]): Promise<Standing> {
  return (await told(api.POST("/console/session", { params: header, body }))).data;
}

export async function signOut(): Promise<void> {
  await told(api.DELETE("/console/session", { params: header }));
}
