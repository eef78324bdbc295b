// The state of the house at a glance: seven figures over time against the period before, who uses
// most, and what needs attention.
import { Paper, SegmentedControl, SimpleGrid } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import { counted, numberOf, type Period, period, type Range } from "~/api/analytics";
import { LinkButton, LinkText } from "~/parts/links";
import { Page } from "~/parts/Page";
import { Empty, Failure } from "~/parts/States";
import { useMinute } from "~/parts/useMinute";
import { Attention } from "./Attention";
import { type Counted, MeasureCard } from "./MeasureCard";
import { metricsOf, rest, sums } from "./measures";
import { Top } from "./Tops";

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
  const others = useMemo(() => rest(days <= PERCENTILES_DAYS), [days]);
  const metrics = [...metricsOf([...sums, ...others]), "unpriced_count"];
  const present = useCounted(metrics, shown, shown.now);
  const past = useCounted(metrics, shown, shown.before);
  const isEmpty = present.data && past.data && !numberOf(present.data.whole, "request_count") && !numberOf(past.data.whole, "request_count");
  const card = { period: shown, length, now: present.data, before: past.data };
  return (
    <Page
      title="Overview"
      actions={<SegmentedControl aria-label="Period" value={String(days)} onChange={(value) => void navigate({ search: { days: Number(value) }, replace: true })} data={LENGTHS} />}
    >
      {present.error && <Failure error={present.error} retry={present.retry} />}
      {isEmpty
        ? <Paper className="sheet"><Empty title="No call yet" action={<LinkButton to="/start">Make the first one</LinkButton>}>What is spent and called stands here from the first call on.</Empty></Paper>
        : (
          <>
            <Attention unpriced={numberOf(present.data?.whole, "unpriced_count") ?? 0} length={length} />
            <SimpleGrid cols={{ base: 1, md: 3 }} spacing="md" mb="md">
              {sums.map((measure) => <MeasureCard key={measure.metric} measure={measure} height={150} {...card} />)}
            </SimpleGrid>
            <SimpleGrid cols={{ base: 1, sm: 2, lg: 4 }} spacing="md" mb="md">
              {others.map((measure) => <MeasureCard key={measure.metric} measure={measure} height={104} {...card} />)}
            </SimpleGrid>
            <SimpleGrid cols={{ base: 1, md: 3 }} spacing="md">
              <Top title="Models by spend" dimension="model" range={shown.now} calls={({ model }) => (model ? { model: String(model) } : { outcome: "failed" })} link={<LinkText to="/ledger" size="sm">Ledger</LinkText>} />
              <Top title="Keys by spend" dimension="api_key_id" range={shown.now} calls={({ api_key_hash }) => (api_key_hash ? { key: String(api_key_hash) } : undefined)} link={<LinkText to="/keys" size="sm">Limits</LinkText>} />
              <Top title="Apps by spend" dimension="app" range={shown.now} calls={({ app }) => (app ? { app: String(app) } : undefined)} />
            </SimpleGrid>
          </>
        )}
    </Page>
  );
}

/** What was counted in a range, in all and piece by piece, asked again as time goes on. */
function useCounted(metrics: string[], { grain }: Period, range: Range) {
  const whole = useQuery({ ...counted({ metrics, range }), refetchInterval: 15_000 });
  const rows = useQuery({ ...counted({ metrics, range, granularity: grain }), refetchInterval: 15_000 });
  const data = useMemo<Counted | undefined>(
    () => (whole.data && rows.data ? { whole: whole.data[0], rows: rows.data } : undefined),
    [whole.data, rows.data],
  );
  return { data, error: whole.error ?? rows.error, retry: () => { void whole.refetch(); void rows.refetch(); } };
}
