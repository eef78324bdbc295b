// Every endpoint of a model: price, limits, and how it has done lately.
import { Badge, Box, Group, Paper, Popover, ScrollArea, Table, Text, Tooltip, UnstyledButton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type Endpoint, providers as providersQuery } from "~/api/queries";
import { context, duration, percent, perMillion, speed } from "~/parts/format";
import { Empty } from "~/parts/States";
import { Prices } from "./Prices";

export function Endpoints({ all }: { all: Endpoint[] }) {
  if (all.length === 0) {
    return <Paper className="sheet"><Empty title="Nobody serves this model">The catalog knows no endpoint of it.</Empty></Paper>;
  }
  return (
    <Paper className="sheet">
      <ScrollArea>
        <Table miw={980} highlightOnHover>
          <Table.Thead>
            <Table.Tr>
              <Head>Provider</Head><Head right>Input $/M</Head><Head right>Output $/M</Head><Head right>Cached $/M</Head>
              <Head right>Context</Head><Head right>Longest answer</Head><Head right>First token p50</Head>
              <Head right>Speed p50</Head><Head right>Uptime, 1 day</Head><Head right>Cache hits</Head>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>{all.map((endpoint) => <Row key={endpoint.tag} endpoint={endpoint} />)}</Table.Tbody>
        </Table>
      </ScrollArea>
    </Paper>
  );
}

function Head({ children, right }: { children: string; right?: boolean }) {
  return <Table.Th ta={right ? "right" : "left"} fz="xs" fw={500} c="dimmed">{children}</Table.Th>;
}

function Row({ endpoint }: { endpoint: Endpoint }) {
  return (
    <Table.Tr>
      <Table.Td>
        <Group gap={8} wrap="nowrap">
          <Standing endpoint={endpoint} />
          <Box>
            <Text fw={500}>{endpoint.provider_name}</Text>
            <Group gap={6} wrap="nowrap">
              <Text size="xs" c="dimmed" className="mono">{endpoint.tag}</Text>
              {endpoint.quantization && endpoint.quantization !== "unknown" && <Badge size="xs" color="gray">{endpoint.quantization}</Badge>}
            </Group>
          </Box>
        </Group>
      </Table.Td>
      <Table.Td className="num">
        <Popover shadow="md" position="bottom-end" withArrow>
          <Popover.Target>
            <UnstyledButton fz="sm" className="link" aria-label={`${perMillion(endpoint.pricing.prompt)}, all prices at ${endpoint.provider_name}`}>{perMillion(endpoint.pricing.prompt)}</UnstyledButton>
          </Popover.Target>
          <Popover.Dropdown miw={280}><Prices pricing={endpoint.pricing} /></Popover.Dropdown>
        </Popover>
      </Table.Td>
      <Table.Td className="num">{perMillion(endpoint.pricing.completion)}</Table.Td>
      <Table.Td className="num">{perMillion(endpoint.pricing.input_cache_read)}</Table.Td>
      <Table.Td className="num">{context(endpoint.context_length)}</Table.Td>
      <Table.Td className="num">{context(endpoint.max_completion_tokens)}</Table.Td>
      <Table.Td className="num">{duration(endpoint.latency_last_30m?.p50)}</Table.Td>
      <Table.Td className="num">{speed(endpoint.throughput_last_30m?.p50)}</Table.Td>
      <Table.Td className="num">{percent(share(endpoint.uptime_last_1d))}</Table.Td>
      <Table.Td className="num">{percent(endpoint.cache_hit_last_30m)}</Table.Td>
    </Table.Tr>
  );
}

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
function Standing({ endpoint }: { endpoint: Endpoint }) {
  const status = endpoint.status ?? 0;
  const providers = useQuery(providersQuery);
  const usable = providers.data?.find((provider) => provider.name === endpoint.provider_name)?.is_usable;
  const [color, words] = usable === false ? ["var(--rule-strong)", "No credential here"] : standings[status] ?? standings[0]!;
  return (
    <Tooltip label={words}>
      <Box component="span" role="img" aria-label={words} w={9} h={9} style={{ borderRadius: "50%", background: color, flexShrink: 0 }} />
    </Tooltip>
  );
}
