// What the page of the destinations asks for.
import { queryOptions } from "@tanstack/react-query";
import { api, told, type Schemas } from "~/api/client";

export type Destination = Schemas["ObservabilityDestination"];
export type Kind = Schemas["ObservabilityDestinationType"];

/** The destinations of a workspace; of the default one without an id. */
export const destinations = (workspace: string | undefined) =>
  queryOptions({
    queryKey: ["destinations", workspace],
    queryFn: async ({ signal }) => {
      const query = { limit: 100, ...(workspace ? { workspace_id: workspace } : {}) };
      return (await told(api.GET("/observability/destinations", { params: { query }, signal }))).data;
    },
  });

/** What a destination can be. */
export const kinds = queryOptions({
  queryKey: ["destination-types"],
  queryFn: async ({ signal }) => (await told(api.GET("/observability/destination-types", { signal }))).data,
  staleTime: Infinity,
});

/** What became of the calls that were told. */
export const deliveries = (id: string) =>
  queryOptions({
    queryKey: ["deliveries", id],
    queryFn: async ({ signal }) => (await told(api.GET("/observability/destinations/{id}/deliveries", { params: { path: { id } }, signal }))).data,
    refetchInterval: 5_000,
  });

const names: Record<string, string> = {
  arize: "Arize", braintrust: "Braintrust", clickhouse: "ClickHouse", datadog: "Datadog", grafana: "Grafana", langfuse: "Langfuse", langsmith: "LangSmith",
  newrelic: "New Relic", opik: "Opik", "otel-collector": "OpenTelemetry collector", posthog: "PostHog", ramp: "Ramp", s3: "S3 bucket",
  sentry: "Sentry", snowflake: "Snowflake", weave: "Weave", webhook: "Webhook",
};

/** What a type is called; one that is new here is shown as it is. */
export const kindName = (type: string) => names[type] ?? type;
