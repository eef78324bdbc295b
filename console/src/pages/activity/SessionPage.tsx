// A session: one run of an agent as its calls in order, with what they cost together.
import { Badge, Box, Group, Paper, SimpleGrid } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { api, told } from "~/api/client";
import type { Generation } from "~/api/generation";
import { Figure } from "~/parts/Figures";
import { count, duration, percent, short, usd } from "~/parts/format";
import { LinkText } from "~/parts/links";
import { Page } from "~/parts/Page";
import { type Column, Sheet } from "~/parts/Sheet";
import { Failure, Waiting } from "~/parts/States";

const route = getRouteApi("/house/sessions/$id");

export default function SessionPage() {
  const { id } = route.useParams();
  const navigate = useNavigate();
  const found = useQuery({
    queryKey: ["session-of-calls", id],
    queryFn: async ({ signal }) => (await told(api.GET("/sessions/{id}", { params: { path: { id } }, signal }))).data,
    refetchInterval: 5_000,
  });
  const session = found.data;
  const longest = Math.max(1, ...(session?.generations ?? []).map((call) => call.latency ?? 0));
  return (
    <Page title="Session" about={<span className="mono">{id}</span>}>
      {found.isPending && <Paper className="sheet"><Waiting /></Paper>}
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {session && (
        <>
          <Paper className="sheet" p="lg" mb="md">
            <SimpleGrid cols={{ base: 2, sm: 5 }}>
              <Figure name="Cost" value={usd(session.total_cost)} note={session.unpriced > 0 ? `${session.unpriced} unpriced` : undefined} />
              <Figure name="Calls" value={count(session.calls)} note={`${session.failed} failed`} />
              <Figure name="Tokens" value={`${short(session.tokens_prompt)} in`} note={`${short(session.tokens_completion)} out`} />
              <Figure name="From caches" value={percent(session.tokens_prompt > 0 ? session.tokens_cached / session.tokens_prompt : null)} note={`${usd(session.cache_discount)} saved`} />
              <Figure name="Time in calls" value={duration(session.latency)} />
            </SimpleGrid>
          </Paper>
          <Paper className="sheet">
            <Sheet
              label="Calls of the session" rows={session.generations} rowKey={(call) => call.id} columns={columns(longest)} rowHeight={40}
              onOpen={(call) => void navigate({ to: "/activity/$id", params: { id: call.id } })}
            />
          </Paper>
        </>
      )}
    </Page>
  );
}

const columns = (longest: number): Column<Generation>[] => [
  { key: "at", title: "At", width: "110px", cell: (call) => <time dateTime={call.created_at}>{new Date(call.created_at).toLocaleTimeString("en-GB")}</time> },
  { key: "model", title: "Model", width: "minmax(200px, 1fr)", cell: (call) => <LinkText to="/activity/$id" params={{ id: call.id }} size="sm" className="mono">{call.model}</LinkText> },
  { key: "ended", title: "Ended", width: "130px", cell: (call) => <Badge size="sm" color={call.error_type ? "stamp" : "gray"}>{call.error_type ?? call.finish_reason ?? "–"}</Badge> },
  { key: "tokens", title: "Tokens in, out", width: "130px", align: "right", cell: (call) => `${short(call.native_tokens_prompt)}, ${short(call.native_tokens_completion)}` },
  { key: "cached", title: "From cache", width: "100px", align: "right", cell: (call) => call.native_tokens_prompt ? percent((call.native_tokens_cached ?? 0) / call.native_tokens_prompt, 0) : "–" },
  { key: "cost", title: "Cost", width: "110px", align: "right", cell: (call) => usd(call.total_cost) },
  {
    key: "took", title: "Took", width: "minmax(160px, 0.8fr)",
    cell: (call) => (
      <Group gap={8} wrap="nowrap">
        <Box h={6} w={`${Math.max(2, ((call.latency ?? 0) / longest) * 60)}%`} style={{ background: "var(--ink-line)", borderRadius: 3 }} aria-hidden="true" />
        <span>{duration(call.latency)}</span>
      </Group>
    ),
  },
];
