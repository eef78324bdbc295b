// Which models take the tokens, over time and in all.
import { Box, Group, Paper, Skeleton, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useMemo } from "react";
import { api, told } from "~/api/client";
import { Choose } from "~/parts/Choose";
import { count, percent, short } from "~/parts/format";
import { LinkButton, LinkText } from "~/parts/links";
import { callsOf, Made } from "~/parts/Made";
import { Empty, Failure, Waiting } from "~/parts/States";
import { Scroll, Table } from "~/parts/Table";
import { IconChartBar } from "@tabler/icons-react";
import { type Course, course, OTHER, pieces, type Per, type Ranked, ranked, since, until } from "./tokens";

const Stack = lazy(() => import("~/parts/Stack"));

/** What can be counted apart. */
const KINDS = [
  { value: "text", label: "Models that give text" }, { value: "image_output", label: "Models that give pictures" },
  { value: "image", label: "Models that take pictures" }, { value: "audio", label: "Models that take sound" },
  { value: "tool_calling", label: "Days with tool calls" },
] as const;

type Kind = (typeof KINDS)[number]["value"];

type Props = { days: number; from: string; to: string; per: Per; of?: string; onChange: (part: { of?: string }) => void };

export function Models({ days, from, to, per, of, onChange }: Props) {
  const kind = KINDS.find((kind) => kind.value === of)?.value as Kind | undefined;
  const found = useQuery({
    queryKey: ["rankings", { from, to, per, kind }],
    queryFn: ({ signal }) => told(api.GET("/datasets/rankings-daily", { params: { query: { start_date: from, end_date: to, period: per, modality: kind } }, signal })),
    ...ranked,
  });
  const navigate = useNavigate();
  const data = found.data?.data;
  const shown = useMemo(() => course(data ?? [], pieces(from, to, per)), [data, from, to, per]);
  return (
    <Paper className="sheet" component="section" aria-label="Models by tokens" mb="md">
      <Group justify="space-between" px="lg" pt="md" gap="xs">
        <Box>
          <Title order={2}>Models by tokens</Title>
          {found.isSuccess && <Text size="sm" c="dimmed"><Made of={callsOf({ from: since(from) })}>{count(shown.sum)} tokens</Made> of prompts and answers in {days} days</Text>}
        </Box>
        <Choose label="Which models" any="All models" width={230} data={[...KINDS]} value={kind} onChange={(of) => onChange({ of })} />
      </Group>
      {found.isPending && <Waiting />}
      {found.isError && <Box p="md"><Failure error={found.error} retry={() => void found.refetch()} /></Box>}
      {found.isSuccess && shown.sum === 0 && (kind
        ? <Empty title="No such tokens in these days">Look at all models, or further back.</Empty>
        : <Empty title="No tokens in these days" icon={<IconChartBar size={30} stroke={1.4} />} action={<LinkButton to="/start">Make the first call</LinkButton>}>What each model is used for stands here from the first call on.</Empty>
      )}
      {shown.sum > 0 && (
        <>
          <Box px="md" pt="md" pb={4}>
            <Suspense fallback={<Skeleton height={240} />}><Stack at={shown.at} parts={shown.parts} format={tokens} label={words(shown, per)} onPick={(index) => void navigate({ to: "/activity", search: until(shown.at, index, per) })} /></Suspense>
          </Box>
          <List ranked={shown.ranked} from={from} />
        </>
      )}
    </Paper>
  );
}

const tokens = (value: number) => short(value);

function words(shown: Course, per: Per): string {
  const first = shown.ranked.slice(0, 3).map((one) => `${one.model} ${percent(one.share, 0)}`);
  return `Tokens by ${per}: ${short(shown.sum)} in all, ${first.join(", ")}`;
}

function List({ ranked, from }: { ranked: Ranked[]; from: string }) {
  return (
    <Scroll mah={420}>
      <Table miw={560} highlightOnHover stickyHeader>
        <Table.Thead>
          <Table.Tr>
            <Table.Th fz="xs" fw={500} c="dimmed" pl="lg">Model</Table.Th>
            <Table.Th fz="xs" fw={500} c="dimmed" ta="right">Tokens</Table.Th>
            <Table.Th fz="xs" fw={500} c="dimmed" ta="right">Share</Table.Th>
            <Table.Th fz="xs" fw={500} c="dimmed" ta="right" pr="lg">Calls</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {ranked.map((one) => <Row key={one.model} one={one} from={from} />)}
        </Table.Tbody>
      </Table>
    </Scroll>
  );
}

function Row({ one, from }: { one: Ranked; from: string }) {
  const [author = "", slug = ""] = one.model.split("/");
  const of = one.model === OTHER ? callsOf({ from: since(from) }, "All calls of these days, those of the first fifty among them") : callsOf({ model: one.model, from: since(from) });
  const isOne = one.model !== OTHER && slug !== "";
  return (
    <Table.Tr>
      <Table.Td pl="lg">
        <Group gap={9} wrap="nowrap">
          <Box w={10} h={10} style={{ borderRadius: 3, flexShrink: 0, background: `var(${one.color})` }} aria-hidden="true" />
          {isOne
            ? <LinkText to="/models/$author/$slug" params={{ author, slug }} size="sm" className="mono">{one.model}</LinkText>
            : <Text size="sm" c="dimmed">{one.model === OTHER ? "those behind the first fifty" : one.model}</Text>}
        </Group>
      </Table.Td>
      <Table.Td fz="sm" className="num"><Made again of={of}>{count(one.tokens)}</Made></Table.Td>
      <Table.Td fz="sm" className="num"><Made again of={of}>{percent(one.share)}</Made></Table.Td>
      <Table.Td fz="sm" className="num" pr="lg">
        <Link {...of} className="link">Look at them</Link>
      </Table.Td>
    </Table.Tr>
  );
}
