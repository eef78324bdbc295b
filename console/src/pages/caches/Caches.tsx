// Of how much use providers' prompt caches are, what they save, and why one was of no use any more.
import { Box, Group, Paper, Progress, SegmentedControl, SimpleGrid, Skeleton, Text, Title } from "@mantine/core";
import { IconStack2 } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useCallback, useMemo } from "react";
import { api, told, type Schemas } from "~/api/client";
import { Choose } from "~/parts/Choose";
import { Figure } from "~/parts/Figures";
import { calls, count, percent, short, usd } from "~/parts/format";
import { LinkButton, LinkText } from "~/parts/links";
import { callsOf, Made, type Way } from "~/parts/Made";
import { Page } from "~/parts/Page";
import { Empty, Failure, Waiting } from "~/parts/States";
import { Scroll, Table } from "~/parts/Table";
import type { CachesSearch } from "~/router";
import { Breaks } from "./Breaks";
import { type Break, byEndpoint, byTime, ratio, type Served, type Sums, total } from "./hours";

const Trend = lazy(() => import("~/parts/Trend"));
const route = getRouteApi("/house/caches");
const DAY_MS = 86_400_000;
/** Where on the page the broken prefixes stand. */
const BROKEN = "broken";

const iso = (seconds: number) => new Date(seconds * 1000).toISOString();

type Health = Schemas["CacheHealth"];

const health = (days: number) => ({
  queryKey: ["cache-health", days],
  queryFn: async ({ signal }: { signal: AbortSignal }) => {
    const from = new Date(Date.now() - days * DAY_MS).toISOString();
    return (await told(api.GET("/cache/health", { params: { query: { from, per: days > 2 ? "day" : "hour" } }, signal }))).data;
  },
  refetchInterval: 15_000,
  placeholderData: keepPreviousData<Health>,
});

export default function Caches() {
  const search = route.useSearch();
  const { days = 1, model, endpoint } = search;
  const navigate = useNavigate({ from: "/caches" });
  const change = (part: Partial<CachesSearch>) => void navigate({ search: (before: CachesSearch) => ({ ...before, ...part }), replace: true });
  const found = useQuery(health(days));
  const all = found.data?.hours.filter((hour) => hour.endpoint !== "");
  const fits = (one: { model: string; endpoint: string }) => (!model || one.model === model) && (!endpoint || one.endpoint === endpoint);
  const hours = useMemo(() => (all ?? []).filter(fits), [found.data, model, endpoint]);
  const breaks = (found.data?.broken_sessions ?? []).filter(fits);
  const of = callsOf({ model, endpoint, from: found.data?.from });
  const names = (of: (hour: { model: string; endpoint: string }) => string) => [...new Set((all ?? []).map(of))].sort();
  return (
    <Page
      title="Cache health" about="Providers keep the beginning of a prompt and charge less for it when it comes again, unchanged."
      actions={
        <SegmentedControl
          aria-label="Period" value={String(days)} onChange={(value) => change({ days: value === "1" ? undefined : Number(value) })}
          data={[{ value: "1", label: "24 hours" }, { value: "7", label: "7 days" }, { value: "30", label: "30 days" }]}
        />
      }
    >
      <Group gap="xs" mb="md">
        <Choose label="Model" any="Every model" width={240} data={names((hour) => hour.model)} value={model} onChange={(model) => change({ model })} />
        <Choose label="Endpoint" any="Every endpoint" width={220} data={names((hour) => hour.endpoint)} value={endpoint} onChange={(endpoint) => change({ endpoint })} />
      </Group>
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {found.isPending && <Paper className="sheet"><Waiting /></Paper>}
      {found.data && hours.length === 0 && breaks.length === 0 && (
        <Paper className="sheet">
          {model || endpoint
            ? <Empty title="No call fits these filters" icon={<IconStack2 size={30} stroke={1.4} />}>Take one away, or look further back.</Empty>
            : <Empty title="No call in this time" icon={<IconStack2 size={30} stroke={1.4} />} action={<LinkButton to="/start">Make the first one</LinkButton>}>What caches of prompts save, and when one breaks, stands here from the first call with a long prompt on.</Empty>}
        </Paper>
      )}
      {found.data && (hours.length > 0 || breaks.length > 0) && (
        <>
          <Head hours={hours} breaks={breaks} of={of} ofBreaks={{ to: "/caches", search, hash: BROKEN, title: "The conversations whose prefix broke" }} />
          <Course health={found.data} hours={hours} onPick={(at, seconds) => void navigate({ to: "/activity", search: { model, endpoint, from: iso(at), to: iso(at + seconds) } })} />
          <BrokenPrefixes breaks={breaks} />
          <ByEndpoint all={byEndpoint(hours)} days={days} />
        </>
      )}
    </Page>
  );
}

type Hours = Health["hours"];

type HeadProps = { hours: Hours; breaks: Break[]; of: Way; ofBreaks: Way };

function Head({ hours, breaks, of, ofBreaks }: HeadProps) {
  const sums = total(hours);
  const lost = (isSwitch: boolean) => {
    const of = breaks.filter(({ prefix_break: said }) => (said?.change === "none" && said.endpoint_changed === true) === isSwitch);
    return of.reduce((sum, broken) => Math.round(sum * 1e9 + broken.lost * 1e9) / 1e9, 0);
  };
  const [switches, prefixes] = [lost(true), lost(false)];
  return (
    <Paper className="sheet" p="lg" mb="md">
      <SimpleGrid cols={{ base: 2, sm: 4 }} spacing="md">
        <Figure name="Hit ratio" value={percent(ratio(sums))} of={of} note={<Made again of={of}>{`${short(sums.read)} of ${short(sums.prompt)} prompt tokens`}</Made>} />
        <Figure name="Saved" value={usd(sums.saved)} of={of} note="less what writing cost" />
        <Figure name="Lost to broken prefixes" value={usd(prefixes)} of={ofBreaks} note="since this server's start" />
        <Figure name="Lost to switches" value={usd(switches)} of={ofBreaks} note="another endpoint served" />
      </SimpleGrid>
    </Paper>
  );
}

type CourseProps = { health: Health; hours: Hours; onPick: (at: number, seconds: number) => void };

function Course({ health, hours, onPick }: CourseProps) {
  const times = useMemo(() => byTime(hours, health.from, health.to), [hours, health.from, health.to]);
  const ratios = useMemo(() => times.sums.map(ratio), [times]);
  const saved = useMemo(() => times.sums.map((sums) => (sums.calls > 0 ? Math.max(0, sums.saved) : null)), [times]);
  const note = useCallback((index: number) => `${short(times.sums[index]?.read)} of ${short(times.sums[index]?.prompt)} tokens`, [times]);
  const pick = (index: number) => onPick(times.at[index]!, times.step === "hour" ? 3600 : 86_400);
  const sums = total(hours);
  const per = times.step === "hour" ? "by hour" : "by day (UTC)";
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md" mb="md">
      <Paper className="sheet" p="md" component="section" aria-label="Hit ratio">
        <Text className="label" mb={6}>Hit ratio, {per}</Text>
        <Suspense fallback={<Skeleton height={180} />}><Trend at={times.at} values={ratios} step={times.step} most={1} format={whole} note={note} onPick={pick} label={`Hit ratio ${per}: ${percent(ratio(sums))} in all`} /></Suspense>
      </Paper>
      <Paper className="sheet" p="md" component="section" aria-label="Saved">
        <Text className="label" mb={6}>Saved, {per}</Text>
        <Suspense fallback={<Skeleton height={180} />}><Trend at={times.at} values={saved} step={times.step} format={usd} onPick={pick} label={`Saved ${per}: ${usd(sums.saved)} in all`} /></Suspense>
      </Paper>
    </SimpleGrid>
  );
}

const whole = (share: number) => percent(share, 0);

function BrokenPrefixes({ breaks }: { breaks: Break[] }) {
  return (
    <Paper className="sheet" mb="md" component="section" id={BROKEN} aria-label="Broken prefixes">
      <Box px="lg" pt="md" pb={breaks.length > 0 ? "xs" : "md"}>
        <Title order={2}>Broken prefixes</Title>
        <Text size="sm" c="dimmed">
          {breaks.length > 0
            ? "A call that read less than half of what the call before it in the same conversation had in the cache."
            : "None: every conversation that was cached went on from its cache. Name conversations (session_id), so that a change at their very beginning is noticed too."}
        </Text>
      </Box>
      {breaks.length > 0 && <Breaks all={breaks} />}
    </Paper>
  );
}

function ByEndpoint({ all, days }: { all: Served[]; days: number }) {
  return (
    <Paper className="sheet" component="section" aria-label="By model and endpoint">
      <Title order={2} px="lg" pt="md" pb="xs">By model and endpoint</Title>
      <Scroll>
        <Table miw={880} highlightOnHover>
          <Table.Thead>
            <Table.Tr>
              {["Model", "Endpoint", "Calls", "Prompt tokens", "Tokens read", "Tokens written", "Hit ratio", "Saved"].map((title, index) => (
                <Table.Th key={title} fz="xs" fw={500} c="dimmed" ta={index > 1 && title !== "Hit ratio" ? "right" : "left"} pl={index === 0 ? "lg" : undefined} pr={title === "Saved" ? "lg" : undefined}>{title}</Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>{all.map((one) => <Row key={`${one.model}@${one.endpoint}`} one={one} days={days} />)}</Table.Tbody>
        </Table>
      </Scroll>
    </Paper>
  );
}

function Row({ one: { model, endpoint, sums }, days }: { one: Served; days: number }) {
  const of = callsOf({ model, endpoint, span: days * 86_400 });
  const [author = "", slug = ""] = model.split("/");
  return (
    <Table.Tr>
      <Table.Td pl="lg"><LinkText to="/models/$author/$slug" params={{ author, slug }} size="sm" className="mono">{model}</LinkText></Table.Td>
      <Table.Td fz="sm"><span className="mono">{endpoint}</span></Table.Td>
      <Table.Td className="num"><Made of={of} label={calls(sums.calls)}>{count(sums.calls)}</Made></Table.Td>
      <Table.Td fz="sm" className="num"><Made again of={of}>{count(sums.prompt)}</Made></Table.Td>
      <Table.Td fz="sm" className="num"><Made again of={of}>{count(sums.read)}</Made></Table.Td>
      <Table.Td fz="sm" className="num"><Made again of={of}>{count(sums.written)}</Made></Table.Td>
      <Table.Td><Share sums={sums} of={of} name={`${model} at ${endpoint}`} /></Table.Td>
      <Table.Td fz="sm" className="num" pr="lg"><Made again of={of}>{usd(sums.saved)}</Made></Table.Td>
    </Table.Tr>
  );
}

function Share({ sums, name, of }: { sums: Sums; name: string; of: Way }) {
  const share = ratio(sums);
  return (
    <Group gap={8} wrap="nowrap" miw={150}>
      <Progress value={(share ?? 0) * 100} size={5} flex={1} aria-label={`Hit ratio of ${name}`} styles={{ root: { backgroundColor: "var(--wash)" } }} />
      <Text size="sm" w={52} ta="right"><Made again of={of}>{percent(share)}</Made></Text>
    </Group>
  );
}
