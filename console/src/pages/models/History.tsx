// How the endpoints of a model have done: first token, speed, calls, and uptime, a line for each.
import { Box, Group, Paper, SegmentedControl, SimpleGrid, Skeleton, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useMemo, useState } from "react";
import { counted, GRAIN_MS, type Period, period, pieces, type Row } from "~/api/analytics";
import { api, told, type Schemas } from "~/api/client";
import type { Series } from "~/parts/Chart";
import { duration, percent, short, speed } from "~/parts/format";
import { callsOf, Made, type Way } from "~/parts/Made";
import { Failure } from "~/parts/States";
import { useMinute } from "~/parts/useMinute";

const Chart = lazy(() => import("~/parts/Chart"));

const LENGTHS = [{ value: "1", label: "24 hours" }, { value: "7", label: "7 days" }, { value: "30", label: "30 days" }];
/** So many lines can be told apart; the rest are those that are asked least. */
const LINES_MAX = 6;
const METRICS = ["request_count", "ttft_p50", "throughput_p50"];

export function History({ model }: { model: string }) {
  const [days, setDays] = useState("1");
  const now = useMinute();
  const shown = useMemo(() => (days === "1" ? period("hour", 24, now) : period("day", Number(days), now)), [days, now]);
  const filters = [{ field: "model", operator: "eq" as const, value: model }];
  const asked = { metrics: METRICS, range: shown.now, dimensions: ["endpoint"], filters };
  const found = useQuery({ ...counted({ ...asked, granularity: shown.grain }), refetchInterval: 15_000 });
  const health = useHours(model);
  const tags = useMemo(() => busiest(found.data ?? [], health.data ?? []), [found.data, health.data]);
  const of = (metric: string, empty: number | null) => lines(tags, found.data ?? [], { metric, empty, shown });
  const hours = useMemo(() => period("hour", 24, now), [now]);
  const navigate = useNavigate();
  const open = (at: number, length: number) =>
    void navigate({ to: "/activity", search: { model, from: new Date(at).toISOString(), to: new Date(at + length).toISOString() } });
  const words = LENGTHS.find(({ value }) => value === days)?.label ?? "";
  if (found.isError) return <Failure error={found.error} retry={() => void found.refetch()} />;
  return (
    <Paper className="sheet" p="md" mt="md" component="section" aria-label="History">
      <Group justify="space-between" mb="sm">
        <Group gap="md"><Title order={2}>History</Title><Legend tags={tags} of={(endpoint) => callsOf({ model, endpoint, from: new Date(shown.now.from).toISOString() }, "Its calls in this time")} /></Group>
        <SegmentedControl aria-label="Period" size="xs" value={days} onChange={setDays} data={LENGTHS} />
      </Group>
      {found.isSuccess && tags.length === 0
        ? <Text size="sm" c="dimmed" py="sm">Nobody has called this model in these {words}. From the first call on its endpoints have lines here.</Text>
        : (
          <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="lg">
            <Picture title={`First token, median, ${words}`} series={of("ttft_p50", null)} at={shown} format={duration} isPending={found.isPending} onPick={open} />
            <Picture title={`Speed, median, ${words}`} series={of("throughput_p50", null)} at={shown} format={speed} isPending={found.isPending} onPick={open} />
            <Picture title="Uptime of attempts, 24 hours" series={uptimes(tags, health.data ?? [], hours)} at={hours} format={percent} top={1} isPending={health.isPending} onPick={open} />
            <Picture title={`Calls, ${words}`} series={of("request_count", 0)} at={shown} format={short} isPending={found.isPending} onPick={open} />
          </SimpleGrid>
        )}
    </Paper>
  );
}

type Health = Schemas["ObservabilityEndpoint"];

/** What became of the attempts of the last day, by the hour. */
function useHours(model: string) {
  return useQuery({
    queryKey: ["endpoint-health", model, "hours"],
    queryFn: async ({ signal }) => (await told(api.GET("/observability/endpoints", { params: { query: { model, hours: true } }, signal }))).data,
    refetchInterval: 15_000,
  });
}

/** The tags of the endpoints that are asked most, those that never served included. */
function busiest(rows: Row[], health: Health[]): string[] {
  const calls = new Map<string, number>(health.map(({ tag }) => [tag, 0]));
  for (const { endpoint, request_count } of rows) {
    if (typeof endpoint === "string") calls.set(endpoint, (calls.get(endpoint) ?? 0) + Number(request_count));
  }
  return [...calls].sort((a, b) => b[1] - a[1]).slice(0, LINES_MAX).map(([tag]) => tag).sort();
}

const colorOf = (index: number) => `--line-${index + 1}`;

type LineOf = { metric: string; empty: number | null; shown: Period };

function lines(tags: string[], rows: Row[], { metric, empty, shown }: LineOf): Series[] {
  return tags.map((tag, index) => ({
    label: tag, kind: "line", color: colorOf(index),
    values: pieces(rows.filter((row) => row.endpoint === tag), metric, shown.now.from, shown, empty),
  }));
}

function uptimes(tags: string[], health: Health[], { at, now }: Period): Series[] {
  return tags.map((tag, index) => {
    const values: (number | null)[] = at.map(() => null);
    for (const { start, served, failed } of health.find((one) => one.tag === tag)?.hours ?? []) {
      const place = Math.round((Date.parse(start) - now.from) / GRAIN_MS.hour);
      if (place >= 0 && place < values.length && served + failed > 0) values[place] = served / (served + failed);
    }
    return { label: tag, kind: "line", color: colorOf(index), values };
  });
}

function Legend({ tags, of }: { tags: string[]; of: (tag: string) => Way }) {
  return (
    <Group gap="sm">
      {tags.map((tag, index) => (
        <Group key={tag} gap={5} wrap="nowrap">
          <Box w={14} h={3} style={{ borderRadius: 2, background: `var(${colorOf(index)})` }} />
          <Text size="xs" className="mono"><Made of={of(tag)}>{tag}</Made></Text>
        </Group>
      ))}
    </Group>
  );
}

type PictureProps = { title: string; series: Series[]; at: Period; format: (value: number) => string; top?: number; isPending: boolean; onPick: (at: number, length: number) => void };

function Picture({ title, series, at, format, top, isPending, onPick }: PictureProps) {
  const key = JSON.stringify(series);
  // Drawn anew only when the numbers have changed.
  const drawn = useMemo(() => series, [key]);
  const newest = series.map(({ label, values }) => [label, values.findLast((value) => value !== null)] as const);
  const told = newest.map(([label, value]) => `${label} ${value === null || value === undefined ? "unknown" : format(value)}`).join(", ");
  return (
    <Box>
      <Text className="label" mb={4}>{title}</Text>
      <Suspense fallback={<Skeleton height={150} />}>
        {isPending ? <Skeleton height={150} /> : <Chart at={at.at} grain={at.grain} series={drawn} format={format} top={top} onPick={(index) => onPick(at.at[index]! * 1000, GRAIN_MS[at.grain])} label={`${title}; at last: ${told}`} />}
      </Suspense>
    </Box>
  );
}
