// Every entry of the double-entry ledger, in pages.
import { Badge, Button, Group, Paper, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { api, told, type Schemas } from "~/api/client";
import { download } from "~/parts/download";
import { count, moment, usdExact } from "~/parts/format";
import { LinkText } from "~/parts/links";
import { callOf, Made } from "~/parts/Made";
import { type Column, Sheet } from "~/parts/Sheet";
import { Empty, Failure, Waiting } from "~/parts/States";

type Entry = Schemas["LedgerEntry"];

const columns: Column<Entry>[] = [
  { key: "at", title: "At", width: "190px", cell: (entry) => <time dateTime={entry.at}>{moment(entry.at)}</time> },
  { key: "kind", title: "Kind", width: "110px", cell: (entry) => <Badge color="gray">{entry.kind}</Badge> },
  { key: "from", title: "From", width: "minmax(190px, 1fr)", cell: (entry) => <span className="mono" title={entry.from}>{entry.from}</span> },
  { key: "to", title: "To", width: "minmax(190px, 1fr)", cell: (entry) => <span className="mono" title={entry.to}>{entry.to}</span> },
  { key: "amount", title: "Amount", width: "130px", align: "right", cell: (entry) => <Made again of={entry.generation_id ? callOf(entry.generation_id) : null}>{usdExact(entry.amount)}</Made> },
  { key: "call", title: "Call", width: "minmax(150px, 0.8fr)", cell: (entry) => entry.generation_id ? <LinkText to="/activity/$id" params={{ id: entry.generation_id }} className="mono" size="sm">{entry.generation_id}</LinkText> : "–" },
];

export function Entries({ query }: { query: { from?: string; to?: string } }) {
  const found = useInfiniteQuery({
    queryKey: ["entries", query],
    queryFn: ({ signal, pageParam }) =>
      told(api.GET("/ledger/entries", { params: { query: { ...query, after: pageParam, limit: 500 } }, signal })) as Promise<Schemas["LedgerPage"]>,
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  });
  if (found.isError) return <Failure error={found.error} retry={() => void found.refetch()} />;
  const rows = found.data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <Paper className="sheet">
      <Group justify="space-between" px="md" py="sm" style={{ borderBottom: "1px solid var(--rule)" }}>
        <Text size="sm" c="dimmed" data-bottom>{count(rows.length)} entries{found.hasNextPage ? ", more below" : ""}</Text>
        <Button variant="default" size="xs" leftSection={<IconDownload size={14} />} onClick={() => void download("/ledger/entries", { ...query, format: "csv" }, "entries.csv")}>CSV</Button>
      </Group>
      {found.isPending && <Waiting />}
      {found.isSuccess && rows.length === 0 && <Empty title="No entries">In these days nothing was held, charged or granted. Look at others.</Empty>}
      {rows.length > 0 && (
        <Sheet label="Entries" columns={columns} rows={rows} rowKey={(entry) => entry.id} rowHeight={36} height="calc(100dvh - 370px)" onEnd={() => found.hasNextPage && !found.isFetching && void found.fetchNextPage()} />
      )}
    </Paper>
  );
}
