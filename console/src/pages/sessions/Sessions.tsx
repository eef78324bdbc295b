// Agent runs: those called last, or the dearest; each leads to its calls.
import { Badge, Box, Paper, SegmentedControl, Text } from "@mantine/core";
import { IconBinaryTree2 } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { type Session, sessionPages } from "~/api/sessions";
import { Instant } from "~/parts/Figures";
import { calls, count, duration, percent, short, usd } from "~/parts/format";
import { LinkButton, LinkText } from "~/parts/links";
import { callsOf, Made, type Way } from "~/parts/Made";
import { Page } from "~/parts/Page";
import { type Column, Sheet } from "~/parts/Sheet";
import { Empty, Failure, Waiting } from "~/parts/States";
import { useMinute } from "~/parts/useMinute";

const route = getRouteApi("/house/sessions");
const DAY_MS = 86_400_000;
const SPANS = [{ value: "1", label: "24 hours" }, { value: "7", label: "7 days" }, { value: "30", label: "30 days" }, { value: "all", label: "All" }];

export default function Sessions() {
  const { by, days } = route.useSearch();
  const navigate = useNavigate({ from: "/sessions" });
  const now = useMinute();
  const from = days === undefined ? undefined : Math.floor(now / 60_000) * 60_000 - days * DAY_MS;
  const found = useInfiniteQuery(sessionPages({ sort: by ?? "last_call", from }));
  const rows = found.data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <Page
      title="Sessions" about="A session is one run of an agent, or one conversation: calls with the same session_id."
      actions={
        <SegmentedControl
          aria-label="Last called within" data={SPANS} value={days === undefined ? "all" : String(days)}
          onChange={(value) => void navigate({ search: (before) => ({ ...before, days: value === "all" ? undefined : Number(value) }), replace: true })}
        />
      }
    >
      <Paper className="sheet">
        {found.isPending && <Waiting />}
        {found.isError && <Box p="md"><Failure error={found.error} retry={() => void found.refetch()} /></Box>}
        {found.isSuccess && rows.length === 0 && (days === undefined ? <None /> : <Empty title="No session in this time">Look further back.</Empty>)}
        {rows.length > 0 && (
          <Sheet
            label="Sessions" rows={rows} rowKey={(one) => `${one.workspace_id} ${one.id}`} rowHeight={42} columns={columns} height="calc(100dvh - 200px)"
            sorting={{ key: by ?? "last_call", descending: true }}
            onSort={({ key }) => void navigate({ search: (before) => ({ ...before, by: key === "cost" ? "cost" : undefined }), replace: true })}
            onOpen={(one) => void navigate({ to: "/sessions/$id", params: { id: one.id } })}
            onEnd={() => found.hasNextPage && !found.isFetching && void found.fetchNextPage()}
          />
        )}
      </Paper>
    </Page>
  );
}

function None() {
  return (
    <Empty title="No session yet" icon={<IconBinaryTree2 size={30} stroke={1.4} />} action={<LinkButton to="/start">Make a call</LinkButton>}>
      Have your agent send <code className="mono">session_id</code> in the body, or <code className="mono">x-session-id</code> in the head: its calls then stand here as one, with what they cost together.
    </Empty>
  );
}

const ofSession = ({ id }: Session): Way => ({ to: "/sessions/$id", params: { id }, title: "The calls of this session" });

const columns: Column<Session>[] = [
  {
    key: "session", title: "Session", width: "minmax(160px, 2fr)",
    cell: (one) => <LinkText to="/sessions/$id" params={{ id: one.id }} size="sm" className="mono" title={one.id}>{one.id}</LinkText>,
  },
  {
    key: "cost", title: "Cost", width: "minmax(100px, 0.7fr)", align: "right", sorts: true,
    cell: (one) => <Made again of={ofSession(one)}>{one.unpriced > 0 && <Text span size="xs" c="var(--warn)" mr={8}>{count(one.unpriced)} unpriced</Text>}{usd(one.total_cost)}</Made>,
  },
  { key: "last_call", title: "Last call", width: "110px", sorts: true, cell: (one) => <Instant at={one.last_call_at} /> },
  {
    key: "calls", title: "Calls", width: "minmax(110px, 0.7fr)", align: "right",
    cell: (one) => (
      <>
        {one.failed > 0 && <Made of={callsOf({ session: one.id, outcome: "failed" }, "The calls that failed")}><Badge color="stamp" size="sm" mr={8}>{count(one.failed)} failed</Badge></Made>}
        <Made again of={ofSession(one)} label={calls(one.calls)}>{count(one.calls)}</Made>
      </>
    ),
  },
  { key: "tokens", title: "Tokens in, out", width: "130px", align: "right", cell: (one) => <Made again of={ofSession(one)}>{`${short(one.tokens_prompt)}, ${short(one.tokens_completion)}`}</Made> },
  { key: "cached", title: "From cache", width: "96px", align: "right", cell: (one) => <Made again of={ofSession(one)}>{percent(one.tokens_prompt > 0 ? one.tokens_cached / one.tokens_prompt : null, 0)}</Made> },
  { key: "took", title: "Time in calls", width: "110px", align: "right", cell: (one) => <Made again of={ofSession(one)}>{duration(one.latency)}</Made> },
];
