// Every endpoint of a model: price, limits, and how it has done lately; the rest of a row on demand.
import { ActionIcon, Badge, Box, Group, Paper, Text } from "@mantine/core";
import { IconChevronDown, IconChevronRight } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type Endpoint, type Provider, providers as providersQuery } from "~/api/queries";
import { context, duration, percent, perMillion, speed } from "~/parts/format";
import { LinkButton } from "~/parts/links";
import { attemptsOf, callsOf, Made } from "~/parts/Made";
import { Empty } from "~/parts/States";
import { Scroll, Table } from "~/parts/Table";
import { EndpointDetail } from "./EndpointDetail";

const COLUMNS = ["Input $/M", "Output $/M", "Cached $/M", "Context, tokens", "Longest answer, tokens", "First token p50", "Speed p50", "Uptime, 1 day", "Cache hits"];

export function Endpoints({ all }: { all: Endpoint[] }) {
  const providers = useQuery(providersQuery);
  if (all.length === 0) {
    return <Paper className="sheet"><Empty title="Nobody serves this model" action={<LinkButton variant="default" to="/models">Look for another one</LinkButton>}>The catalog knows no endpoint of it. A server of your own that has it can be added under Providers.</Empty></Paper>;
  }
  const providerOf = ({ tag }: Endpoint) => providers.data?.find(({ slug }) => slug === tag.split("/")[0]);
  return (
    <Paper className="sheet">
      <Scroll minWidth={980}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th fz="xs" fw={500} c="dimmed">Provider</Table.Th>
              {COLUMNS.map((title) => <Table.Th key={title} ta="right" fz="xs" fw={500} c="dimmed">{title}</Table.Th>)}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>{all.map((endpoint) => <Row key={endpoint.tag} endpoint={endpoint} provider={providerOf(endpoint)} />)}</Table.Tbody>
        </Table>
      </Scroll>
    </Paper>
  );
}

function Row({ endpoint, provider }: { endpoint: Endpoint; provider: Provider | undefined }) {
  const [isOpen, setOpen] = useState(false);
  const { pricing } = endpoint;
  const { tag, model_id: model } = endpoint;
  const served = callsOf({ model, endpoint: tag, span: HALF_HOUR }, "What it served in 30 minutes");
  const cells = [
    perMillion(pricing.prompt), perMillion(pricing.completion), perMillion(pricing.input_cache_read), context(endpoint.context_length),
    context(endpoint.max_completion_tokens),
    <Made of={served}>{duration(endpoint.latency_last_30m?.p50)}</Made>, <Made again of={served}>{speed(endpoint.throughput_last_30m?.p50)}</Made>,
    <Made of={attemptsOf(model, 86_400)}>{percent(share(endpoint.uptime_last_1d))}</Made>, <Made again of={served}>{percent(share(endpoint.cache_hit_last_30m))}</Made>,
  ];
  return (
    <>
      <Table.Tr onClick={(event) => (event.target as Element).closest("a") ?? setOpen(!isOpen)} style={{ cursor: "pointer" }}>
        <Table.Td>
          <Group gap={8} wrap="nowrap">
            <ActionIcon size="sm" aria-expanded={isOpen} aria-label={`All of ${endpoint.provider_name}, ${endpoint.tag}`}>
              {isOpen ? <IconChevronDown size={16} /> : <IconChevronRight size={16} />}
            </ActionIcon>
            <Standing status={endpoint.status ?? 0} isUsable={provider?.is_usable} />
            <Box>
              <Text fw={500}>{endpoint.provider_name}</Text>
              <Group gap={6} wrap="nowrap">
                <Text size="xs" c="dimmed" className="mono" style={{ whiteSpace: "nowrap" }}>{endpoint.tag}</Text>
                {endpoint.quantization && endpoint.quantization !== "unknown" && <Badge size="xs" color="gray" style={{ flexShrink: 0 }}>{endpoint.quantization}</Badge>}
                {(pricing.overrides?.length ?? 0) > 0 && <Badge size="xs" color="amber" style={{ flexShrink: 0 }}>price varies</Badge>}
              </Group>
            </Box>
          </Group>
        </Table.Td>
        {cells.map((cell, index) => <Table.Td key={COLUMNS[index]} className="num" data-bottom={typeof cell === "string" || undefined}>{cell}</Table.Td>)}
      </Table.Tr>
      {isOpen && (
        <Table.Tr>
          <Table.Td colSpan={COLUMNS.length + 1} style={{ background: "var(--sunken)" }}><EndpointDetail endpoint={endpoint} provider={provider} /></Table.Td>
        </Table.Tr>
      )}
    </>
  );
}

const HALF_HOUR = 1800;

/** The API has percentages here. */
const share = (value: number | null | undefined) => (value === null || value === undefined ? value : value / 100);

/** What the API's numbers for the health of an endpoint mean. */
const standings: Record<number, [string, string]> = {
  0: ["var(--good)", "Working"],
  [-1]: ["var(--warn)", "Degraded"],
  [-2]: ["var(--warn)", "Limiting our rate"],
  [-3]: ["var(--bad)", "Down"],
  [-5]: ["var(--bad)", "Out of service"],
};

/** Whether it can be counted on just now. */
function Standing({ status, isUsable }: { status: number; isUsable: boolean | undefined }) {
  const [color, words] = isUsable === false ? ["var(--rule-strong)", "No credential here"] : standings[status] ?? standings[0]!;
  return (
    <Box component="span" role="img" aria-label={words} title={words} w={9} h={9} style={{ borderRadius: "50%", background: color, flexShrink: 0 }} />
  );
}
