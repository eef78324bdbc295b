// The state of the house at a glance: spend, calls and tokens against the period before, who uses
// most, and what needs attention.
import { Badge, Box, Group, Paper, Progress, SegmentedControl, SimpleGrid, Skeleton, Stack, Text, Title } from "@mantine/core";
import { IconCircleCheck } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { lazy, type ReactNode, Suspense, useMemo } from "react";
import { api, told, type Schemas } from "~/api/client";
import { keys } from "~/api/queries";
import { count, percent, short, usd } from "~/parts/format";
import { LinkButton, LinkText } from "~/parts/links";
import { Page } from "~/parts/Page";
import { Empty, Failure, Waiting } from "~/parts/States";
import { useAttention } from "./attention";
import { byModel, dayFrom, period, type Period, type Sums } from "./days";

const Chart = lazy(() => import("~/parts/Chart"));
const route = getRouteApi("/house/");

export default function Overview() {
  const { days = 30 } = route.useSearch();
  const navigate = useNavigate({ from: "/" });
  const today = new Date();
  const first = dayFrom(today, 1 - days);
  const before = dayFrom(today, 1 - 2 * days);
  const found = useQuery({
    queryKey: ["statement", { from: before }],
    queryFn: ({ signal }) => told(api.GET("/ledger/statement", { params: { query: { from: before } }, signal })) as Promise<Schemas["Statement"]>,
    refetchInterval: 15_000,
  });
  const lines = found.data?.data;
  const now = useMemo(() => period(lines ?? [], first, days), [lines, first, days]);
  const then = useMemo(() => period(lines ?? [], before, days), [lines, before, days]);
  return (
    <Page
      title="Overview"
      actions={
        <SegmentedControl
          aria-label="Period" value={String(days)} onChange={(value) => void navigate({ search: { days: Number(value) }, replace: true })}
          data={[{ value: "7", label: "7 days" }, { value: "30", label: "30 days" }, { value: "90", label: "90 days" }]}
        />
      }
    >
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {found.isSuccess && now.sum.calls === 0 && then.sum.calls === 0 && (
        <Paper className="sheet" mb="md"><Empty title="No call yet" action={<LinkButton to="/start">Make the first one</LinkButton>}>What is spent and called stands here from the first call on.</Empty></Paper>
      )}
      <SimpleGrid cols={{ base: 1, md: 3 }} spacing="md" mb="md">
        <Series title="Spend" now={now} then={then} of={(sums) => sums.cost} format={usd} days={days} isPending={found.isPending} />
        <Series title="Calls" now={now} then={then} of={(sums) => sums.calls} format={short} days={days} isPending={found.isPending} />
        <Series title="Tokens" now={now} then={then} of={(sums) => sums.tokens} format={short} days={days} isPending={found.isPending} />
      </SimpleGrid>
      <SimpleGrid cols={{ base: 1, md: 3 }} spacing="md">
        <Attention unpriced={now.sum.unpriced} days={days} />
        <Ranking title="Models by spend" link={<LinkText to="/ledger" size="sm">Ledger</LinkText>}>
          {found.isPending && <Waiting rows={4} height={22} />}
          {lines && <Bars rows={byModel(lines, first).slice(0, 7).map(({ name, sums }) => ({ name, value: sums.cost, note: `${sums.calls === 1 ? "1 call" : `${count(sums.calls)} calls`}${sums.unpriced > 0 ? `, ${count(sums.unpriced)} unpriced` : ""}`, to: name }))} />}
        </Ranking>
        <TopKeys />
      </SimpleGrid>
    </Page>
  );
}

type SeriesProps = {
  title: string; now: Period; then: Period; of: (sums: Sums) => number; format: (value: number) => string; days: number; isPending: boolean;
};

function Series({ title, now, then, of, format, days, isPending }: SeriesProps) {
  const [sum, previous] = [of(now.sum), of(then.sum)];
  const values = useMemo(() => now.days.map(of), [now]);
  const before = useMemo(() => (previous > 0 ? then.days.map(of) : undefined), [then, previous]);
  const words = previous > 0 ? `${format(previous)} in the ${days} days before` : `nothing in the ${days} days before`;
  return (
    <Paper className="sheet" p="md" component="section" aria-label={title}>
      <Group justify="space-between" align="flex-start" mb={6}>
        <Box>
          <Text className="label">{title}</Text>
          <Text fz={24} fw={600} lh={1.25}>{isPending ? "…" : format(sum)}</Text>
        </Box>
        <Box ta="right">
          {previous > 0 && <Badge color="gray">{sum >= previous ? "+" : "−"}{percent(Math.abs(sum - previous) / previous, 0)}</Badge>}
          <Text size="xs" c="dimmed" mt={2}>{words}</Text>
        </Box>
      </Group>
      <Suspense fallback={<Skeleton height={150} />}>
        {isPending ? <Skeleton height={150} /> : <Chart at={now.at} values={values} before={before} format={format} label={`${title} by day: ${format(sum)} in ${days} days, ${words}`} />}
      </Suspense>
    </Paper>
  );
}

function Ranking({ title, link, children }: { title: string; link?: ReactNode; children: ReactNode }) {
  return (
    <Paper className="sheet" p="md" component="section" aria-label={title}>
      <Group justify="space-between" mb="sm"><Title order={2}>{title}</Title>{link}</Group>
      {children}
    </Paper>
  );
}

type Bar = { name: string; value: number; note: string; to?: string };

function Bars({ rows }: { rows: Bar[] }) {
  const most = Math.max(...rows.map((row) => row.value), 1e-12);
  if (rows.length === 0) return <Text size="sm" c="dimmed">Nothing in this period.</Text>;
  return (
    <Stack gap={10}>
      {rows.map((row) => {
        const [author = "", slug = ""] = (row.to ?? "").split("/");
        return (
          <Box key={row.name}>
            <Group justify="space-between" gap="xs" wrap="nowrap">
              {slug
                ? <LinkText to="/models/$author/$slug" params={{ author, slug }} size="sm" className="mono" truncate>{row.name}</LinkText>
                : <Text size="sm" truncate>{row.name}</Text>}
              <Text size="sm" style={{ whiteSpace: "nowrap" }}><Text span size="xs" c="dimmed">{row.note} · </Text>{usd(row.value)}</Text>
            </Group>
            <Progress value={(row.value / most) * 100} size={4} mt={3} aria-label={`${row.name}: ${usd(row.value)}`} styles={{ root: { backgroundColor: "var(--wash)" } }} />
          </Box>
        );
      })}
    </Stack>
  );
}

function TopKeys() {
  const found = useQuery(keys);
  const rows = [...(found.data ?? [])].filter((key) => key.usage_monthly > 0).sort((a, b) => b.usage_monthly - a.usage_monthly).slice(0, 7);
  return (
    <Ranking title="Keys by spend this month" link={<LinkText to="/keys" size="sm">Keys</LinkText>}>
      {found.isPending && <Waiting rows={4} height={22} />}
      {found.data && <Bars rows={rows.map((key) => ({ name: key.name, value: key.usage_monthly, note: `${usd(key.usage_daily)} today` }))} />}
    </Ranking>
  );
}

function Attention({ unpriced, days }: { unpriced: number; days: number }) {
  const { notes, isPending } = useAttention(unpriced, days);
  return (
    <Ranking title="Needs attention">
      {isPending && <Waiting rows={3} height={22} />}
      {!isPending && notes.length === 0 && (
        <Group gap={8} c="var(--good)"><IconCircleCheck size={18} /><Text size="sm" c="var(--mantine-color-text)">Nothing: no failing call in the last hour, no limit near, no call without a price.</Text></Group>
      )}
      <Stack gap={10}>
        {notes.map((note) => (
          <Group key={note.text} gap={8} wrap="nowrap" align="flex-start">
            <Box w={8} h={8} mt={6} style={{ borderRadius: "50%", flexShrink: 0, background: note.isBad ? "var(--bad)" : "var(--warn)" }} />
            <Box>
              <Text size="sm">{note.text}</Text>
              {note.link}
            </Box>
          </Group>
        ))}
      </Stack>
    </Ranking>
  );
}
