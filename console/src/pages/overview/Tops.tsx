// Who uses most: models, keys, apps and sessions by what they cost, each with its calls.
import { Box, Group, Paper, Progress, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { counted, numberOf, type Range, type Row } from "~/api/analytics";
import { dearest } from "~/api/sessions";
import { calls as callsWords, count, usd } from "~/parts/format";
import { LinkText } from "~/parts/links";
import { callsOf, Made, type Way } from "~/parts/Made";
import { Failure, Waiting } from "~/parts/States";
import type { ActivitySearch } from "~/router";

const SHOWN = 6;

type TopProps = {
  title: string;
  dimension: "model" | "api_key_id" | "app";
  range: Range;
  /** The filter that finds the calls of a row; absent where there is none. */
  calls: (row: Row) => ActivitySearch | undefined;
  link?: ReactNode;
};

export function Top({ title, dimension, range, calls, link }: TopProps) {
  const metrics = ["total_usage", "request_count", "unpriced_count"];
  const found = useQuery({ ...counted({ metrics, range, dimensions: [dimension], order: "total_usage", limit: SHOWN }), refetchInterval: 15_000 });
  const rows = found.data ?? [];
  const most = Math.max(...rows.map((row) => numberOf(row, "total_usage") ?? 0), 1e-12);
  return (
    <Block title={title} link={link}>
      {found.isPending && <Waiting rows={4} height={22} />}
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {found.isSuccess && rows.length === 0 && <Text size="sm" c="dimmed">Nothing in this period. Look further back.</Text>}
      <Stack gap={10} component="ol" m={0} p={0} style={{ listStyle: "none" }}>
        {rows.map((row, index) => <Bar key={index} name={nameOf(row[dimension], dimension)} row={row} most={most} calls={calls(row)} from={range.from} />)}
      </Stack>
    </Block>
  );
}

const nobody = { model: "nobody served", api_key_id: "no key", app: "calls without an app" } as const;

function nameOf(value: Row[string] | undefined, dimension: TopProps["dimension"]): string {
  const text = value === null || value === undefined || value === "" ? nobody[dimension] : String(value);
  // A key that is no more is told by its hash.
  return /^[0-9a-f]{64}$/.test(text) ? `${text.slice(0, 8)}…, deleted` : text;
}

type BarProps = { name: string; row: Row; most: number; calls: ActivitySearch | undefined; from: number };

function Bar({ name, row, most, calls, from }: BarProps) {
  const [cost, asked, unpriced] = [numberOf(row, "total_usage") ?? 0, numberOf(row, "request_count") ?? 0, numberOf(row, "unpriced_count") ?? 0];
  const search = { ...calls, from: new Date(from).toISOString() };
  const shown = calls
    ? <LinkText to="/activity" search={search} size="sm" truncate title={name}>{name}</LinkText>
    : <Text size="sm" c="dimmed" truncate>{name}</Text>;
  const of = callsOf(search, calls ? undefined : `All calls of this time, ${name} among them`);
  return <Line name={name} shown={shown} note={noteOf(asked, unpriced)} cost={cost} most={most} of={of} isAgain={calls !== undefined} />;
}

const noteOf = (asked: number, unpriced: number) => `${callsWords(asked)}${unpriced > 0 ? `, ${count(unpriced)} unpriced` : ""}`;

type LineProps = { name: string; shown: ReactNode; note: string; cost: number; most: number; of: Way; isAgain: boolean };

function Line({ name, shown, note, cost, most, of, isAgain }: LineProps) {
  return (
    <Box component="li">
      <Group justify="space-between" gap="xs" wrap="nowrap">
        {shown}
        <Text size="sm" style={{ whiteSpace: "nowrap" }}><Made again={isAgain} of={of}><Text span size="xs" c="dimmed">{note} · </Text>{usd(cost)}</Made></Text>
      </Group>
      <Progress value={(cost / most) * 100} size={4} mt={3} aria-label={`${name}: ${usd(cost)}`} styles={{ root: { backgroundColor: "var(--wash)" } }} />
    </Box>
  );
}

/** The sessions that cost most, of those that were called in this time. */
export function DearestSessions({ range, days }: { range: Range; days: number }) {
  const found = useQuery(dearest(range.from, SHOWN));
  const rows = found.data ?? [];
  const most = Math.max(...rows.map((row) => row.total_cost), 1e-12);
  return (
    <Block title="Dearest sessions" link={<LinkText to="/sessions" search={{ by: "cost", days }} size="sm">All of them</LinkText>}>
      {found.isPending && <Waiting rows={4} height={22} />}
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {found.isSuccess && rows.length === 0 && <Text size="sm" c="dimmed">No call in this period named its session. Have your agent send <code className="mono">session_id</code>, or look further back.</Text>}
      <Stack gap={10} component="ol" m={0} p={0} style={{ listStyle: "none" }}>
        {rows.map((row) => (
          <Line
            key={`${row.workspace_id} ${row.id}`} name={row.id} note={noteOf(row.calls, row.unpriced)} cost={row.total_cost} most={most} isAgain
            of={{ to: "/sessions/$id", params: { id: row.id }, title: "The calls of this session" }}
            shown={<LinkText to="/sessions/$id" params={{ id: row.id }} size="sm" truncate title={row.id}>{row.id}</LinkText>}
          />
        ))}
      </Stack>
    </Block>
  );
}

type BlockProps = { title: string; link?: ReactNode; children: ReactNode };

export function Block({ title, link, children }: BlockProps) {
  return (
    <Paper className="sheet" p="md" component="section" aria-label={title}>
      <Group justify="space-between" mb="sm"><Title order={2}>{title}</Title>{link}</Group>
      {children}
    </Paper>
  );
}
