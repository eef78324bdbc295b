// How each provider and each of its endpoints does just now: uptime, cool-downs, limits, speed.
import { Badge, Box, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type Provider, endpointHealth, providers } from "~/api/queries";
import type { Schemas } from "~/api/client";
import { DataPolicy } from "~/parts/DataPolicy";
import { Instant } from "~/parts/Figures";
import { duration, moment, percent, speed } from "~/parts/format";
import { LinkButton, LinkText } from "~/parts/links";
import { attemptsOf, callsOf, Made } from "~/parts/Made";
import { linkTo } from "~/parts/slugs";
import { Empty, Failure, Waiting } from "~/parts/States";
import { Scroll, Table } from "~/parts/Table";

type Endpoint = Schemas["ObservabilityEndpoint"];
type Standing = Endpoint["standing"];

/** What each standing is called, what it means, and its colour. */
const standings: Record<Standing, [string, string, string]> = {
  normal: ["working", "In order", "leaf"],
  degraded: ["degraded", "Between 80 and 95 of 100 attempts succeed: asked less", "amber"],
  pressed: ["near its limit", "Its rate limit is nearly used up: load moves away", "amber"],
  down: ["down", "Fewer than 80 of 100 attempts succeed: asked only when others fail", "stamp"],
  limited: ["cooling down", "It has said that it is asked too often: asked last", "amber"],
  out: ["cooling down", "It has failed just now: asked last", "stamp"],
};

export function Health() {
  const found = useQuery(endpointHealth);
  const known = useQuery(providers);
  if (found.isError) return <Failure error={found.error} retry={() => void found.refetch()} />;
  if (found.isPending) return <Paper className="sheet"><Waiting /></Paper>;
  if (found.data.length === 0) {
    return (
      <Paper className="sheet">
        <Empty title="No endpoint has been asked yet" action={<LinkButton to="/playground">Ask one</LinkButton>}>Health is measured by your own calls; it stands here from the first one on.</Empty>
      </Paper>
    );
  }
  return (
    <Stack gap="md">
      {grouped(found.data).map(([slug, all]) => <OfProvider key={slug} all={all} provider={known.data?.find((one) => one.slug === slug)} />)}
      <Text size="sm" c="dimmed">Measured by this server and its replicas. Cool-downs are this server's own; all of it is at <span className="mono">GET /api/v1/observability/endpoints</span>.</Text>
    </Stack>
  );
}

/** By provider, those with trouble first, as the answer has them. */
function grouped(all: Endpoint[]): [string, Endpoint[]][] {
  const groups = new Map<string, Endpoint[]>();
  for (const one of all) groups.set(one.provider, [...(groups.get(one.provider) ?? []), one]);
  return [...groups];
}

const TITLES = ["Model and endpoint", "Standing", "Uptime, 5 min", "30 min", "1 day", "First token p50", "Speed p50", "429s, 30 min", "Valid tool calls", "Asked"];

function OfProvider({ all, provider }: { all: Endpoint[]; provider: Provider | undefined }) {
  const name = all[0]!.provider_name;
  const cooling = all.filter((one) => one.cooling_until).length;
  return (
    <Paper className="sheet" component="section" aria-label={name}>
      <Group justify="space-between" px="md" py="sm">
        <Group gap="sm">
          <Title order={2}>{name}</Title>
          <Badge color={cooling > 0 ? "stamp" : "gray"}>{cooling > 0 ? `${cooling} of ${all.length} cooling down` : all.length === 1 ? "1 endpoint" : `${all.length} endpoints`}</Badge>
        </Group>
        <DataPolicy policy={provider?.data_policy} />
      </Group>
      <Scroll minWidth={980}>
        <Table highlightOnHover>
          <Table.Thead>
            <Table.Tr>{TITLES.map((title, index) => <Table.Th key={title} fz="xs" fw={500} c="dimmed" ta={index > 1 ? "right" : "left"}>{title}</Table.Th>)}</Table.Tr>
          </Table.Thead>
          <Table.Tbody>{all.map((one) => <Row key={one.endpoint} one={one} />)}</Table.Tbody>
        </Table>
      </Scroll>
    </Paper>
  );
}

const share = (value: number | null) => percent(value === null ? value : value / 100);

function Row({ one }: { one: Endpoint }) {
  const tried = (span: number) => attemptsOf(one.model, span);
  const served = (span: number) => callsOf({ model: one.model, endpoint: one.tag, span }, "What it served in this time");
  const cells = [
    [share(one.uptime_last_5m), tried(300)], [share(one.uptime_last_30m), tried(1800)], [share(one.uptime_last_1d), tried(86_400)],
    [duration(one.latency_last_30m?.p50), served(1800)], [speed(one.throughput_last_30m?.p50), served(1800)],
    [share(one.rate_limited_last_30m), tried(1800)], [share(one.tool_success_last_1d), served(86_400)],
  ] as const;
  return (
    <Table.Tr>
      <Table.Td>
        <LinkText {...linkTo(one.model)} size="sm" className="mono">{one.model}</LinkText>
        <Text size="xs" c="dimmed" className="mono">{one.tag}</Text>
      </Table.Td>
      <Table.Td><State one={one} /></Table.Td>
      {cells.map(([cell, of], index) => <Table.Td key={index} className="num" fz="sm"><Made of={of}>{cell}</Made></Table.Td>)}
      <Table.Td className="num" fz="sm"><LinkText to="/activity" search={{ endpoint: one.tag, model: one.model }} size="sm"><Instant at={one.last_heard_at} /></LinkText></Table.Td>
    </Table.Tr>
  );
}

function State({ one }: { one: Endpoint }) {
  const [words, meaning, color] = standings[one.standing];
  return (
    <Box>
      <Badge color={color} title={meaning}>{words}</Badge>
      {one.cooling_until && <Text size="xs" c="dimmed" title={moment(one.cooling_until)}>until {new Date(one.cooling_until).toLocaleTimeString("en-GB")}</Text>}
    </Box>
  );
}
