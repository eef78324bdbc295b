// The columns of the list of calls.
import { Badge, Text } from "@mantine/core";
import type { Generation } from "~/api/generation";
import { Instant } from "~/parts/Figures";
import { duration, short, speed, usd } from "~/parts/format";
import { LinkText } from "~/parts/links";
import type { Column } from "~/parts/Sheet";

function outcome(call: Generation): [string, string] {
  if (call.cancelled) return ["cancelled", "amber"];
  const status = (call as { status?: number }).status ?? 200;
  return status < 400 && !call.error_type ? ["delivered", "leaf"] : [`failed ${status}`, "stamp"];
}

const rate = (call: Generation) =>
  call.streamed && call.generation_time && call.native_tokens_completion ? call.native_tokens_completion / (call.generation_time / 1000) : undefined;

export const columns: Column<Generation>[] = [
  { key: "at", title: "Ended", width: "84px", cell: (call) => <Instant at={call.created_at} /> },
  {
    key: "outcome", title: "Outcome", width: "98px",
    cell: (call) => { const [words, color] = outcome(call); return <Badge color={color} size="sm">{words}</Badge>; },
  },
  {
    key: "model", title: "Model", width: "minmax(160px, 1.4fr)",
    cell: (call) => <LinkText to="/activity/$id" params={{ id: call.id }} size="sm" className="mono" title={call.model}>{call.model}</LinkText>,
  },
  {
    key: "provider", title: "Provider", width: "minmax(130px, 1.1fr)",
    cell: (call) => {
      const attempts = call.provider_responses?.length ?? 0;
      return <>{call.provider_name ?? "–"}{attempts > 1 && <Text span size="xs" c="dimmed"> after {attempts - 1}</Text>}</>;
    },
  },
  { key: "tokens", title: "Tokens in, out", width: "110px", align: "right", cell: (call) => `${short(call.native_tokens_prompt)}, ${short(call.native_tokens_completion)}` },
  { key: "cached", title: <>Cached<span className="visually-hidden"> tokens</span></>, width: "68px", align: "right", cell: (call) => call.native_tokens_cached ? short(call.native_tokens_cached) : "–" },
  { key: "cost", title: "Cost", width: "90px", align: "right", cell: (call) => call.total_cost === null ? <Text span size="sm" c="var(--warn)">unpriced</Text> : usd(call.total_cost) },
  { key: "first", title: "First token", width: "84px", align: "right", cell: (call) => duration(call.time_to_first_token) },
  { key: "took", title: "In all", width: "74px", align: "right", cell: (call) => duration(call.latency) },
  { key: "speed", title: "Speed", width: "88px", align: "right", cell: (call) => speed(rate(call)) },
  {
    key: "who", title: "App or user", width: "minmax(94px, 0.8fr)",
    cell: (call) => <span className="quiet" title={call.user_agent ?? undefined}>{call.app_title ?? call.external_user ?? call.http_referer ?? call.user_agent ?? "–"}</span>,
  },
];
