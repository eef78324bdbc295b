// One figure with its picture over time, against the period before.
import { Badge, Box, Group, Paper, Skeleton, Text } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useMemo } from "react";
import { GRAIN_MS, numberOf, type Period, pieces, type Row } from "~/api/analytics";
import { percent } from "~/parts/format";
import { callsOf, Made } from "~/parts/Made";
import type { Series } from "~/parts/Chart";
import { change, type Measure, noteOf } from "./measures";

const Chart = lazy(() => import("~/parts/Chart"));

/** What was counted in one period: in all, and piece by piece; further pieces are passed over. */
export type Counted = { whole: Row | undefined; rows: Row[] };

type Props = {
  measure: Measure;
  period: Period;
  /** Such as "7 days". */
  length: string;
  now: Counted | undefined;
  before: Counted | undefined;
  height: number;
};

const iso = (at: number) => new Date(at).toISOString();

export function MeasureCard({ measure, period, length, now, before, height }: Props) {
  const { title, metric, format, isSum, calls } = measure;
  const navigate = useNavigate();
  const [value, previous] = [figure(measure, now), figure(measure, before)];
  const empty = isSum ? 0 : null;
  const series = useMemo<Series[]>(() => {
    const values = pieces(now?.rows ?? [], metric, period.now.from, period, empty);
    const earlier = pieces(before?.rows ?? [], metric, period.before.from, period, empty);
    const hasEarlier = earlier.some((value) => value);
    return [
      { label: "Now", values, kind: isSum ? "bars" : "line" },
      ...(hasEarlier ? [{ label: "Before", values: earlier, kind: "dashes" as const, color: "--warn" }] : []),
    ];
  }, [now, before, metric, period, isSum, empty]);
  const earlier = previous === null || (isSum && previous === 0) ? "none" : format(previous);
  const words = `${earlier} in the ${length} before`;
  const note = noteOf(measure, now?.whole);
  const [ofNow, ofBefore] = [callsOf({ ...calls, from: iso(period.now.from) }), callsOf({ ...calls, from: iso(period.before.from), to: iso(period.before.to) }, `The calls of the ${length} before`)];
  const told = value === null ? "–" : format(value);
  const open = (index: number) => {
    const from = period.now.from + index * GRAIN_MS[period.grain];
    void navigate({ to: "/activity", search: { ...calls, from: iso(from), to: iso(from + GRAIN_MS[period.grain]) } });
  };
  return (
    <Paper className="sheet" p="md" component="section" aria-label={title}>
      <Group justify="space-between" align="flex-start" mb={6} wrap="nowrap">
        <Box miw={0}>
          <Text className="label">{title}</Text>
          <Text fz={24} fw={600} lh={1.25}><Made of={ofNow} label={`${title}: ${told}, the calls`}>{now ? told : "…"}</Made></Text>
        </Box>
        <Change value={value} previous={previous} better={measure.better} />
      </Group>
      <Text size="xs" c="dimmed" mb={6} truncate title={words}>
        {now && before ? <>{note && <><Made again of={ofNow}>{note}</Made> · </>}before: {earlier === "none" ? earlier : <Made of={ofBefore} label={words}>{earlier}</Made>}</> : "\u00a0"}
      </Text>
      <Suspense fallback={<Skeleton height={height} />}>
        {now
          ? <Chart at={period.at} grain={period.grain} series={series} height={height} format={format} onPick={open} label={`${title} by ${period.grain}: ${told} in ${length}, ${words}`} />
          : <Skeleton height={height} />}
      </Suspense>
    </Paper>
  );
}

/** Nothing was counted where there was no call. */
function figure({ metric, isSum }: Measure, counted: Counted | undefined): number | null {
  const value = numberOf(counted?.whole, metric);
  return value === null && isSum && counted ? 0 : value;
}

type ChangeProps = { value: number | null; previous: number | null; better: Measure["better"] };

/** More or less than before, in the colour of good or bad news. */
function Change({ value, previous, better }: ChangeProps) {
  const share = change(value, previous);
  if (share === undefined) return null;
  const isMore = share >= 0;
  const isSmall = Math.abs(share) < 0.005;
  const color = !better || isSmall ? "gray" : isMore === (better === "up") ? "leaf" : "stamp";
  const text = Math.abs(share) >= 10 ? "10× or more" : `${isMore ? "+" : "−"}${percent(Math.abs(share), 0)}`;
  return <Badge color={color} style={{ flexShrink: 0 }} data-bottom aria-label={`${isSmall ? "as much as" : isMore ? "more than" : "less than"} before: ${text}`}>{isSmall ? "±0" : text}</Badge>;
}
