// What was spent, a line for each model on each day, with the calls that a line is made of.
import { Badge, Button, Group, Menu, Paper, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { GRAIN_MS } from "~/api/analytics";
import { api, told, type Schemas } from "~/api/client";
import { download } from "~/parts/download";
import { calls, count, usdExact } from "~/parts/format";
import { callsOf, Made } from "~/parts/Made";
import { type Column, Sheet } from "~/parts/Sheet";
import { Empty, Failure, Waiting } from "~/parts/States";

export type StatementQuery = { from?: string; to?: string; key_hash?: string };
type Line = Schemas["Statement"]["data"][number];

export function Statement({ query }: { query: StatementQuery }) {
  const found = useQuery({
    queryKey: ["statement", query],
    queryFn: ({ signal }) => told(api.GET("/ledger/statement", { params: { query }, signal })) as Promise<Schemas["Statement"]>,
  });
  if (found.isError) return <Failure error={found.error} retry={() => void found.refetch()} />;
  const save = (format: "csv" | "json") => void download("/ledger/statement", { ...query, format }, `statement.${format}`);
  // The newest day first.
  const rows = [...(found.data?.data ?? [])].reverse();
  return (
    <Paper className="sheet">
      {found.isPending && <Waiting />}
      {found.data && (
        <Group justify="space-between" px="md" py="sm" style={{ borderBottom: "1px solid var(--rule)" }}>
          <Text>In all <Text span fw={600}><Made of={callsOf({ ...timeOf(query.from, query.to), key: query.key_hash })} label={`In all: ${usdExact(found.data.total)}`}>{usdExact(found.data.total)}</Made></Text></Text>
          <Menu shadow="md" position="bottom-end">
            <Menu.Target><Button variant="default" size="xs" leftSection={<IconDownload size={14} />}>Export</Button></Menu.Target>
            <Menu.Dropdown>
              <Menu.Item onClick={() => save("csv")}>As CSV</Menu.Item>
              <Menu.Item onClick={() => save("json")}>As JSON</Menu.Item>
            </Menu.Dropdown>
          </Menu>
        </Group>
      )}
      {found.isSuccess && rows.length === 0 && <Empty title="Nothing was spent">In these days, that is. The first call adds the first line.</Empty>}
      {rows.length > 0 && (
        <Sheet label="Statement" columns={columns(query.key_hash)} rows={rows} rowKey={(line) => `${line.date} ${line.model}`} rowHeight={36} height="calc(100dvh - 370px)" />
      )}
    </Paper>
  );
}

/** The moments from the first of these days (UTC) until after the last. */
function timeOf(first: string | undefined, last: string | undefined) {
  const at = (day: string | undefined, more: number) => (day ? new Date(Date.parse(`${day}T00:00:00Z`) + more).toISOString() : undefined);
  return { from: at(first, 0), to: at(last, GRAIN_MS.day) };
}

/** The calls of a line. */
const ofLine = ({ date, model }: Line, key: string | undefined) => callsOf({ ...timeOf(date, date), key, ...(model ? { model } : { outcome: "failed" }) });

const columns = (key: string | undefined): Column<Line>[] => [
  { key: "day", title: "Day (UTC)", width: "110px", cell: (line) => line.date },
  { key: "model", title: "Model", width: "minmax(200px, 1.6fr)", cell: (line) => (line.model ? <span className="mono">{line.model}</span> : <span className="quiet">nobody served</span>) },
  { key: "calls", title: "Calls", width: "100px", align: "right", cell: (line) => <Made of={ofLine(line, key)} label={calls(line.requests)}>{count(line.requests)}</Made> },
  { key: "unpriced", title: "Unpriced calls", width: "112px", align: "right", cell: (line) => <Made again of={ofLine(line, key)} label={`${count(line.unpriced)} unpriced`}>{line.unpriced > 0 ? <Badge color="amber">{count(line.unpriced)}</Badge> : 0}</Made> },
  { key: "prompt", title: "Prompt tokens", width: "130px", align: "right", cell: (line) => <Made again of={ofLine(line, key)}>{count(line.prompt_tokens)}</Made> },
  { key: "answer", title: "Answer tokens", width: "130px", align: "right", cell: (line) => <Made again of={ofLine(line, key)}>{count(line.completion_tokens)}</Made> },
  { key: "cost", title: "Cost", width: "140px", align: "right", cell: (line) => <Made again of={ofLine(line, key)}>{usdExact(line.cost)}</Made> },
];
