// What was spent, by day and model, and every entry of the books; both to export.
import { Badge, Box, Button, Group, Paper, ScrollArea, Select, Table, Tabs, Text, TextInput } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { api, told, type Schemas } from "~/api/client";
import { keys } from "~/api/queries";
import { download } from "~/parts/download";
import { count, moment, usdExact } from "~/parts/format";
import { LinkText } from "~/parts/links";
import { Page } from "~/parts/Page";
import { type Column, Sheet } from "~/parts/Sheet";
import { Empty, Failure, Waiting } from "~/parts/States";
import type { LedgerSearch } from "~/router";

const route = getRouteApi("/house/ledger");

export default function Ledger() {
  const search = route.useSearch();
  const navigate = useNavigate({ from: "/ledger" });
  const change = (part: Partial<LedgerSearch>) => void navigate({ search: (before: LedgerSearch) => ({ ...before, ...part }), replace: true });
  const allKeys = useQuery(keys);
  const query = { from: search.from, to: search.to, key_hash: search.key };
  return (
    <Page title="Ledger" about="Exact to the nano-dollar. Entries are never changed; a mistake is mended by another entry.">
      <Group gap="xs" align="flex-end" mb="md">
        <TextInput type="date" label="From (UTC)" value={search.from ?? ""} onChange={(event) => change({ from: event.currentTarget.value || undefined })} />
        <TextInput type="date" label="To (UTC)" value={search.to ?? ""} onChange={(event) => change({ to: event.currentTarget.value || undefined })} />
        {search.view !== "entries" && (
          <Select label="Key" placeholder="All keys" clearable data={(allKeys.data ?? []).map((key) => ({ value: key.hash, label: key.name }))} value={search.key ?? null} onChange={(key) => change({ key: key ?? undefined })} />
        )}
      </Group>
      <Tabs value={search.view ?? "statement"} onChange={(view) => change({ view: view === "entries" ? "entries" : undefined })} keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="statement">Statement</Tabs.Tab>
          <Tabs.Tab value="entries">Entries</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="statement"><Statement query={query} /></Tabs.Panel>
        <Tabs.Panel value="entries"><Entries query={{ from: search.from, to: search.to }} /></Tabs.Panel>
      </Tabs>
    </Page>
  );
}

type StatementQuery = { from?: string; to?: string; key_hash?: string };

function Statement({ query }: { query: StatementQuery }) {
  const found = useQuery({
    queryKey: ["statement", query],
    queryFn: ({ signal }) => told(api.GET("/ledger/statement", { params: { query }, signal })) as Promise<Schemas["Statement"]>,
  });
  if (found.isError) return <Failure error={found.error} retry={() => void found.refetch()} />;
  return (
    <Paper className="sheet">
      {found.isPending && <Waiting />}
      {found.data && (
        <Group justify="space-between" px="md" py="sm" style={{ borderBottom: "1px solid var(--rule)" }}>
          <Text>In all <Text span fw={600}>{usdExact(found.data.total)}</Text></Text>
          <Button variant="default" size="xs" leftSection={<IconDownload size={14} />} onClick={() => void download("/ledger/statement", { ...query, format: "csv" }, "statement.csv")}>CSV</Button>
        </Group>
      )}
      {found.data?.data.length === 0 && <Empty title="Nothing was spent">In these days, that is. The first call adds the first line.</Empty>}
      {(found.data?.data.length ?? 0) > 0 && (
        <ScrollArea.Autosize mah="calc(100dvh - 370px)">
          <Table miw={720} stickyHeader>
            <Table.Thead>
              <Table.Tr>
                <Table.Th fz="xs" c="dimmed" fw={500}>Day (UTC)</Table.Th><Table.Th fz="xs" c="dimmed" fw={500}>Model</Table.Th>
                {["Calls", "Unpriced", "Prompt tokens", "Answer tokens", "Cost"].map((title) => <Table.Th key={title} ta="right" fz="xs" c="dimmed" fw={500}>{title}</Table.Th>)}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {found.data?.data.map((line) => (
                <Table.Tr key={`${line.date} ${line.model}`}>
                  <Table.Td fz="sm">{line.date}</Table.Td>
                  <Table.Td fz="sm" className="mono">{line.model || <span className="quiet">nobody served</span>}</Table.Td>
                  <Table.Td fz="sm" className="num">{count(line.requests)}</Table.Td>
                  <Table.Td fz="sm" className="num">{line.unpriced > 0 ? <Badge color="amber">{count(line.unpriced)}</Badge> : 0}</Table.Td>
                  <Table.Td fz="sm" className="num">{count(line.prompt_tokens)}</Table.Td>
                  <Table.Td fz="sm" className="num">{count(line.completion_tokens)}</Table.Td>
                  <Table.Td fz="sm" className="num">{usdExact(line.cost)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </ScrollArea.Autosize>
      )}
    </Paper>
  );
}

type Entry = Schemas["LedgerEntry"];

const columns: Column<Entry>[] = [
  { key: "at", title: "At", width: "190px", cell: (entry) => <time dateTime={entry.at}>{moment(entry.at)}</time> },
  { key: "kind", title: "Kind", width: "110px", cell: (entry) => <Badge color="gray">{entry.kind}</Badge> },
  { key: "from", title: "From", width: "minmax(190px, 1fr)", cell: (entry) => <span className="mono" title={entry.from}>{entry.from}</span> },
  { key: "to", title: "To", width: "minmax(190px, 1fr)", cell: (entry) => <span className="mono" title={entry.to}>{entry.to}</span> },
  { key: "amount", title: "Amount", width: "130px", align: "right", cell: (entry) => usdExact(entry.amount) },
  { key: "call", title: "Call", width: "minmax(150px, 0.8fr)", cell: (entry) => entry.generation_id ? <LinkText to="/activity/$id" params={{ id: entry.generation_id }} className="mono" size="sm">{entry.generation_id}</LinkText> : "–" },
];

function Entries({ query }: { query: { from?: string; to?: string } }) {
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
        <Text size="sm" c="dimmed">{count(rows.length)} entries{found.hasNextPage ? ", more below" : ""}</Text>
        <Button variant="default" size="xs" leftSection={<IconDownload size={14} />} onClick={() => void download("/ledger/entries", { ...query, format: "csv" }, "entries.csv")}>CSV</Button>
      </Group>
      {found.isPending && <Waiting />}
      {found.isSuccess && rows.length === 0 && <Box><Empty title="No entries">In these days nothing was held, charged or granted.</Empty></Box>}
      {rows.length > 0 && (
        <Sheet label="Entries" columns={columns} rows={rows} rowKey={(entry) => entry.id} rowHeight={36} height="calc(100dvh - 370px)" onEnd={() => found.hasNextPage && !found.isFetching && void found.fetchNextPage()} />
      )}
    </Paper>
  );
}
