// A session: one run of an agent as a tree of its calls, with what each branch cost.
import { Badge, Box, Group, Paper, SimpleGrid } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { api, told } from "~/api/client";
import type { Generation } from "~/api/generation";
import type { components } from "~/api/schema";
import { Figure } from "~/parts/Figures";
import { count, duration, percent, short, usd } from "~/parts/format";
import { LinkText } from "~/parts/links";
import { callsOf, Made } from "~/parts/Made";
import { Page } from "~/parts/Page";
import { type Column, Sheet } from "~/parts/Sheet";
import { Failure, Waiting } from "~/parts/States";

type Place = components["schemas"]["SessionPlace"];
/** A place of the tree, and the record of the call that stands there. */
type Row = { place: Place; call?: Generation };

/** Deeper places stand no further in: a phone is narrow. */
const DEPTH_MAX = 8;

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
  const calls = new Map((session?.generations ?? []).map((call) => [call.id, call]));
  const rows: Row[] = (session?.tree ?? []).map((place) => ({ place, call: calls.get(place.id) }));
  const all = callsOf({ session: id });
  const longest = Math.max(1, ...(session?.generations ?? []).map((call) => call.latency ?? 0));
  return (
    <Page title="Session" about={<span className="mono">{id}</span>}>
      {found.isPending && <Paper className="sheet"><Waiting /></Paper>}
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {session && (
        <>
          <Paper className="sheet" p="lg" mb="md">
            <SimpleGrid cols={{ base: 2, sm: 5 }}>
              <Figure name="Cost" value={usd(session.total_cost)} of={all} note={session.unpriced > 0 ? <Made again of={all}>{session.unpriced} unpriced</Made> : undefined} />
              <Figure name="Calls" value={count(session.calls)} of={all} note={<Made of={session.failed > 0 ? callsOf({ session: id, outcome: "failed" }, "The calls that failed") : all}>{session.failed} failed</Made>} />
              <Figure name="Tokens" value={`${short(session.tokens_prompt)} in`} of={all} note={<Made again of={all}>{short(session.tokens_completion)} out</Made>} />
              <Figure name="From caches" value={percent(session.tokens_prompt > 0 ? session.tokens_cached / session.tokens_prompt : null)} of={all} note={<Made again of={all}>{usd(session.cache_discount)} saved</Made>} />
              <Figure name="Time in calls" value={duration(session.latency)} of={all} />
            </SimpleGrid>
          </Paper>
          <Paper className="sheet" data-bottom>
            <Sheet
              label="Calls of the session" rows={rows} rowKey={(row) => `${row.place.kind} ${row.place.parent_id} ${row.place.id}`} columns={columns(longest)} rowHeight={40}
              onOpen={(row) => row.call && void navigate({ to: "/activity/$id", params: { id: row.call.id } })}
            />
          </Paper>
        </>
      )}
    </Page>
  );
}

const columns = (longest: number): Column<Row>[] => [
  { key: "call", title: "Call", width: "minmax(260px, 1.4fr)", cell: (row) => <Branch row={row} /> },
  { key: "at", title: "At", width: "90px", cell: ({ call }) => call && <time dateTime={call.created_at}>{new Date(call.created_at).toLocaleTimeString("en-GB")}</time> },
  { key: "ended", title: "Ended", width: "120px", cell: ({ call }) => call && <Badge size="sm" color={call.error_type ? "stamp" : "gray"}>{call.error_type ?? call.finish_reason ?? "–"}</Badge> },
  { key: "tokens", title: "Tokens in, out", width: "120px", align: "right", cell: ({ call }) => call && `${short(call.native_tokens_prompt)}, ${short(call.native_tokens_completion)}` },
  { key: "cached", title: "From cache", width: "90px", align: "right", cell: ({ call }) => call && (call.native_tokens_prompt ? percent((call.native_tokens_cached ?? 0) / call.native_tokens_prompt, 0) : "–") },
  { key: "cost", title: "Cost", width: "100px", align: "right", cell: ({ call }) => call && usd(call.total_cost) },
  { key: "branch", title: "With its branch", width: "120px", align: "right", cell: ({ place }) => place.subtree_calls > 1 || place.kind !== "call" ? `${usd(place.subtree_cost)}${place.subtree_unpriced > 0 ? " +" : ""}` : "" },
  {
    key: "took", title: "Took", width: "minmax(130px, 0.6fr)",
    cell: ({ call }) => call && (
      <Group gap={8} wrap="nowrap">
        <Box h={6} w={`${Math.max(2, ((call.latency ?? 0) / longest) * 60)}%`} style={{ background: "var(--ink-line)", borderRadius: 3 }} aria-hidden="true" />
        <span>{duration(call.latency)}</span>
      </Group>
    ),
  },
];

function Branch({ row: { place, call } }: { row: Row }) {
  const of = place.parent_is === "inferred" ? "goes on with the call above, as its prompt shows" : place.parent_is === "said" ? "as its caller says" : undefined;
  return (
    <Group gap={6} wrap="nowrap" pl={Math.min(place.depth, DEPTH_MAX) * 18}>
      {of && <span title={of} aria-label={of} role="img">{place.parent_is === "inferred" ? "┄" : "└"}</span>}
      {call ? <LinkText to="/activity/$id" params={{ id: call.id }} size="sm" className="mono">{place.name || "–"}</LinkText> : <span className="mono">{place.name}</span>}
      {place.kind !== "call" && <Badge size="xs" color="gray" variant="light">{place.kind}</Badge>}
    </Group>
  );
}
