// Every call, newest first, found by filters in the address; a drawer shows the waybill of one.
import { Badge, Box, Button, Drawer, Group, Menu, Paper, Select, Switch, Text, TextInput, Tooltip } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconActivity, IconDownload, IconSearch } from "@tabler/icons-react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { api, told } from "~/api/client";
import { type Generation, generation } from "~/api/generation";
import { keys } from "~/api/queries";
import { download } from "~/parts/download";
import { Instant } from "~/parts/Figures";
import { duration, short, speed, usd } from "~/parts/format";
import { LinkButton, LinkText } from "~/parts/links";
import { Page } from "~/parts/Page";
import { type Column, Sheet } from "~/parts/Sheet";
import { Empty, Failure, Waiting } from "~/parts/States";
import type { ActivitySearch } from "~/router";
import { Waybill } from "./Waybill";

const route = getRouteApi("/house/activity");

const SPANS = [
  { value: "", label: "All time" }, { value: "3600", label: "Last hour" }, { value: "86400", label: "Last day" },
  { value: "604800", label: "Last week" }, { value: "2592000", label: "Last 30 days" },
];
const OUTCOMES = [
  { value: "completed", label: "Delivered" }, { value: "failed", label: "Failed" }, { value: "cancelled", label: "Cancelled" },
];
const PAGE = 100;

type Page_ = { data: Generation[]; next_cursor: string | null };

/** What the API is asked, from what is in the address. */
function queryOf(search: ActivitySearch) {
  const start = search.span ? new Date(Date.now() - search.span * 1000).toISOString() : undefined;
  return {
    start, search: search.q, outcome: search.outcome, api_key_hash: search.key, model: search.model,
    provider: search.provider, session_id: search.session, min_cost: search.cost === undefined ? undefined : String(search.cost),
    min_latency: search.latency,
  };
}

export default function Activity() {
  const search = route.useSearch();
  const navigate = useNavigate({ from: "/activity" });
  const change = (part: Partial<ActivitySearch>) =>
    void navigate({ search: (before: ActivitySearch) => ({ ...before, ...part }), replace: true });
  const [isLive, setLive] = useState(true);
  const { call: openCall, ...filters } = search;
  const found = useInfiniteQuery({
    queryKey: ["generations", filters],
    queryFn: ({ signal, pageParam }) =>
      told(api.GET("/generations", { params: { query: { ...queryOf(search), cursor: pageParam, limit: PAGE } }, signal })) as Promise<Page_>,
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: (query) => (isLive && (query.state.data?.pages.length ?? 0) <= 1 ? 3_000 : false),
  });
  const rows = found.data?.pages.flatMap((page) => page.data) ?? [];
  // A page looks at a bounded number of records, so that one may be empty and still have a next one.
  useEffect(() => {
    if (rows.length < 20 && found.hasNextPage && !found.isFetching) void found.fetchNextPage();
  }, [rows.length, found.hasNextPage, found.isFetching, found.fetchNextPage]);
  const isFiltered = Object.values(filters).some((value) => value !== undefined);
  return (
    <Page
      title="Activity" about="Every call, readable the moment it has ended. Open one for its waybill."
      actions={
        <>
          <Tooltip label="Looks for new calls every 3 seconds"><Switch label="Live" checked={isLive} onChange={(event) => setLive(event.currentTarget.checked)} /></Tooltip>
          <Menu shadow="md" position="bottom-end">
            <Menu.Target><Button variant="default" leftSection={<IconDownload size={16} />}>Export</Button></Menu.Target>
            <Menu.Dropdown>
              {(["csv", "jsonl"] as const).map((format) => (
                <Menu.Item key={format} onClick={() => void download("/generations", { ...asText(queryOf(search)), format }, `calls.${format}`)}>
                  As {format === "csv" ? "CSV" : "JSON lines"}
                </Menu.Item>
              ))}
            </Menu.Dropdown>
          </Menu>
        </>
      }
    >
      <Filters search={search} change={change} />
      <Paper className="sheet" mt="sm">
        {found.isPending && <Waiting />}
        {found.isError && <Box p="md"><Failure error={found.error} retry={() => void found.refetch()} /></Box>}
        {found.isSuccess && rows.length === 0 && !found.isFetchingNextPage && (
          isFiltered
            ? <Empty title="No call fits these filters" action={<Button variant="default" onClick={() => void navigate({ search: {} })}>Clear the filters</Button>}>Take one away, or look further back.</Empty>
            : <Empty title="No call yet" icon={<IconActivity size={30} stroke={1.4} />} action={<LinkButton to="/start">Make the first one</LinkButton>}>As soon as one has ended, it stands here.</Empty>
        )}
        {rows.length > 0 && (
          <Sheet
            label="Calls" rows={rows} rowKey={(call) => call.id} rowHeight={42} columns={columns} height="calc(100dvh - 250px)"
            onOpen={(call) => change({ call: call.id })} isChosen={(call) => call.id === openCall}
            onEnd={() => found.hasNextPage && !found.isFetching && void found.fetchNextPage()}
          />
        )}
      </Paper>
      <Drawer opened={openCall !== undefined} onClose={() => change({ call: undefined })} position="right" size={640} title="Call" padding="md">
        {openCall && <One id={openCall} />}
      </Drawer>
    </Page>
  );
}

const asText = (query: ReturnType<typeof queryOf>) =>
  Object.fromEntries(Object.entries(query).map(([key, value]) => [key, value === undefined ? undefined : String(value)]));

function One({ id }: { id: string }) {
  const found = useQuery(generation(id));
  if (found.isPending) return <Waiting />;
  if (found.isError) return <Failure error={found.error} retry={() => void found.refetch()} />;
  return (
    <>
      <Waybill call={found.data} />
      <LinkText to="/activity/$id" params={{ id }} size="sm" mt="sm" display="inline-block">On a page of its own</LinkText>
    </>
  );
}

type FiltersProps = { search: ActivitySearch; change: (part: Partial<ActivitySearch>) => void };

function Filters({ search, change }: FiltersProps) {
  const allKeys = useQuery(keys);
  const [typed, setTyped] = useState(search.q ?? "");
  const ask = useDebouncedCallback((q: string) => change({ q: q || undefined }), 250);
  const chips = ([["model", search.model], ["provider", search.provider], ["session", search.session]] as const).filter(([, value]) => value);
  return (
    <Group gap="xs" align="flex-end">
      <TextInput
        aria-label="Search calls" placeholder="Id, session, model, provider, app, user…" leftSection={<IconSearch size={15} />} w={{ base: "100%", sm: 290 }}
        value={typed} onChange={(event) => { setTyped(event.currentTarget.value); ask(event.currentTarget.value); }}
      />
      <Select aria-label="Time" data={SPANS} w={140} value={search.span ? String(search.span) : ""} onChange={(value) => change({ span: value ? Number(value) : undefined })} allowDeselect={false} />
      <Select aria-label="Outcome" placeholder="Any outcome" data={OUTCOMES} clearable w={150} value={search.outcome ?? null} onChange={(value) => change({ outcome: value ?? undefined })} />
      <Select aria-label="Key" placeholder="Any key" clearable searchable w={170} data={(allKeys.data ?? []).map((key) => ({ value: key.hash, label: key.name }))} value={search.key ?? null} onChange={(value) => change({ key: value ?? undefined })} />
      <TextInput aria-label="Cost at least, USD" placeholder="Cost from, $" type="number" min={0} step="any" w={120} value={search.cost ?? ""} onChange={(event) => change({ cost: event.currentTarget.value === "" ? undefined : Number(event.currentTarget.value) })} />
      <TextInput aria-label="Took at least, milliseconds" placeholder="From, ms" type="number" min={0} w={105} value={search.latency ?? ""} onChange={(event) => change({ latency: event.currentTarget.value === "" ? undefined : Number(event.currentTarget.value) })} />
      {chips.map(([name, value]) => (
        <Button key={name} size="xs" variant="light" onClick={() => change({ [name]: undefined })} aria-label={`Take the filter ${name} ${value} away`}>{name}: {value} ×</Button>
      ))}
    </Group>
  );
}

function outcome(call: Generation): [string, string] {
  if (call.cancelled) return ["cancelled", "amber"];
  const status = (call as { status?: number }).status ?? 200;
  return status < 400 && !call.error_type ? ["delivered", "leaf"] : [`failed ${status}`, "stamp"];
}

const rate = (call: Generation) =>
  call.streamed && call.generation_time && call.native_tokens_completion ? call.native_tokens_completion / (call.generation_time / 1000) : undefined;

const columns: Column<Generation>[] = [
  { key: "at", title: "Ended", width: "92px", cell: (call) => <Instant at={call.created_at} /> },
  {
    key: "outcome", title: "Outcome", width: "112px",
    cell: (call) => { const [words, color] = outcome(call); return <Badge color={color} size="sm">{words}</Badge>; },
  },
  {
    key: "model", title: "Model", width: "minmax(190px, 1.5fr)",
    cell: (call) => <LinkText to="/activity/$id" params={{ id: call.id }} size="sm" className="mono" title={call.model}>{call.model}</LinkText>,
  },
  {
    key: "provider", title: "Provider", width: "minmax(130px, 1fr)",
    cell: (call) => {
      const attempts = call.provider_responses?.length ?? 0;
      return <>{call.provider_name ?? "–"}{attempts > 1 && <Text span size="xs" c="dimmed"> after {attempts - 1}</Text>}</>;
    },
  },
  { key: "tokens", title: "Tokens in, out", width: "118px", align: "right", cell: (call) => `${short(call.native_tokens_prompt)}, ${short(call.native_tokens_completion)}` },
  { key: "cached", title: "Cached", width: "78px", align: "right", cell: (call) => call.native_tokens_cached ? short(call.native_tokens_cached) : "–" },
  { key: "cost", title: "Cost", width: "104px", align: "right", cell: (call) => call.total_cost === null ? <Text span size="sm" c="var(--warn)">unpriced</Text> : usd(call.total_cost) },
  { key: "first", title: "First token", width: "92px", align: "right", cell: (call) => duration(call.time_to_first_token) },
  { key: "took", title: "In all", width: "88px", align: "right", cell: (call) => duration(call.latency) },
  { key: "speed", title: "Speed", width: "96px", align: "right", cell: (call) => speed(rate(call)) },
  {
    key: "who", title: "App or user", width: "minmax(110px, 0.8fr)",
    cell: (call) => <span className="quiet" title={call.user_agent ?? undefined}>{call.app_title ?? call.external_user ?? call.http_referer ?? call.user_agent ?? "–"}</span>,
  },
];
