// The state of the house at a glance: seven figures over time against the period before, who uses
// most, and what needs attention.
import { Paper, SegmentedControl, SimpleGrid } from "@mantine/core";
import { useQueries, useQuery, type UseQueryResult } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import { counted, GRAIN_MS, numberOf, type Period, period, type Range, type Row } from "~/api/analytics";
import { LinkButton, LinkText } from "~/parts/links";
import { Page } from "~/parts/Page";
import { Empty, Failure } from "~/parts/States";
import { useMinute } from "~/parts/useMinute";
import { Attention } from "./Attention";
import { type Counted, MeasureCard } from "./MeasureCard";
import { metricsOf, rest, sums } from "./measures";
import { DearestSessions, Top } from "./Tops";

const route = getRouteApi("/house/");

const LENGTHS = [{ value: "1", label: "24 hours" }, { value: "7", label: "7 days" }, { value: "30", label: "30 days" }, { value: "90", label: "90 days" }];

/** Percentiles can be asked for of so many days. */
const PERCENTILES_DAYS = 31;

export default function Overview() {
  const { days = 7 } = route.useSearch();
  const navigate = useNavigate({ from: "/" });
  const now = useMinute();
  const shown = useMemo(() => (days === 1 ? period("hour", 24, now) : period("day", days, now)), [days, now]);
  const length = LENGTHS.find((one) => one.value === String(days))?.label ?? `${days} days`;
  const hasPercentiles = days <= PERCENTILES_DAYS;
  const others = useMemo(() => rest(hasPercentiles), [hasPercentiles]);
  const metrics = [...metricsOf([...sums, ...others]), "unpriced_count"];
  const { now: present, before, error, retry } = useCounted(metrics, shown, hasPercentiles);
  const isEmpty = present && before && !numberOf(present.whole, "request_count") && !numberOf(before.whole, "request_count");
  const card = { period: shown, length, now: present, before };
  return (
    <Page
      title="Overview"
      actions={<SegmentedControl aria-label="Period" value={String(days)} onChange={(value) => void navigate({ search: { days: Number(value) }, replace: true })} data={LENGTHS} />}
    >
      {error && <Failure error={error} retry={retry} />}
      {isEmpty
        ? <Paper className="sheet"><Empty title="No call yet" action={<LinkButton to="/start">Make the first one</LinkButton>}>What is spent and called stands here from the first call on.</Empty></Paper>
        : (
          <>
            <Attention unpriced={numberOf(present?.whole, "unpriced_count") ?? 0} length={length} />
            <SimpleGrid cols={{ base: 1, md: 3 }} spacing="md" mb="md">
              {sums.map((measure) => <MeasureCard key={measure.metric} measure={measure} height={150} {...card} />)}
            </SimpleGrid>
            <SimpleGrid cols={{ base: 1, sm: 2, lg: 4 }} spacing="md" mb="md">
              {others.map((measure) => <MeasureCard key={measure.metric} measure={measure} height={104} {...card} />)}
            </SimpleGrid>
            <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="md">
              <Top title="Models by spend" dimension="model" range={shown.now} calls={({ model }) => (model ? { model: String(model) } : { outcome: "failed" })} link={<LinkText to="/ledger" size="sm">Ledger</LinkText>} />
              <Top title="Keys by spend" dimension="api_key_id" range={shown.now} calls={({ api_key_hash }) => (api_key_hash ? { key: String(api_key_hash) } : undefined)} link={<LinkText to="/keys" size="sm">Limits</LinkText>} />
              <Top title="Apps by spend" dimension="app" range={shown.now} calls={({ app }) => (app ? { app: String(app) } : undefined)} />
              <DearestSessions range={shown.now} days={days} />
            </SimpleGrid>
          </>
        )}
    </Page>
  );
}

/** Rows of several questions as one list, once all of them are answered. */
function together(all: UseQueryResult<Row[]>[]) {
  const isWhole = all.every((one) => one.data);
  return {
    data: isWhole ? all.flatMap((one) => one.data ?? []) : undefined,
    error: all.find((one) => one.error)?.error ?? null,
    refetch: () => all.forEach((one) => void one.refetch()),
  };
}

/**
 * What was counted in a period and in the one before, asked again as time goes on. The pieces of both
 * are one question where typical values can be asked for so far back; each period in all is another,
 * for typical values do not follow from those of pieces.
 */
function useCounted(metrics: string[], { grain, now, before }: Period, hasPercentiles: boolean) {
  const ask = (range: Range, granularity?: Period["grain"]) => ({ ...counted({ metrics, range, granularity }), refetchInterval: 15_000 });
  const both = { from: before.from, to: now.to };
  const isOne = !hasPercentiles || both.to - both.from <= PERCENTILES_DAYS * GRAIN_MS.day;
  const rows = useQueries({ queries: (isOne ? [both] : [before, now]).map((range) => ask(range, grain)), combine: together });
  const present = useQuery(ask(now));
  const past = useQuery(ask(before));
  const of = (whole: Row[] | undefined): Counted | undefined => (whole && rows.data ? { whole: whole[0], rows: rows.data } : undefined);
  return {
    now: useMemo(() => of(present.data), [present.data, rows.data]),
    before: useMemo(() => of(past.data), [past.data, rows.data]),
    error: rows.error ?? present.error ?? past.error,
    retry: () => { rows.refetch(); void present.refetch(); void past.refetch(); },
  };
}
