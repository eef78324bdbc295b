// All that is known of one endpoint: its whole price sheet, measured percentiles, limits and policy.
import { Anchor, Box, Text } from "@mantine/core";
import type { ReactNode } from "react";
import type { Schemas } from "~/api/client";
import type { Endpoint, Provider } from "~/api/queries";
import { DataPolicy } from "~/parts/DataPolicy";
import { Facts } from "~/parts/Figures";
import { count, duration, percent, speed } from "~/parts/format";
import { LinkText } from "~/parts/links";
import { attemptsOf, callsOf, Made } from "~/parts/Made";
import { Table } from "~/parts/Table";
import { Prices } from "./Prices";

type Props = { endpoint: Endpoint; provider: Provider | undefined };

const tokens = (value: number | null | undefined) => (value ? `${count(value)} tokens` : "not stated");
const share = (value: number | null | undefined) => percent(value === null || value === undefined ? value : value / 100);

export function EndpointDetail({ endpoint, provider }: Props) {
  return (
    <Box p="sm" style={{ display: "grid", gridTemplateColumns: "minmax(220px, 0.8fr) minmax(350px, 1.2fr) minmax(260px, 1fr)", gap: 32 }}>
      <Part title="Price" isBottom><Prices pricing={endpoint.pricing} /></Part>
      <Part title="Measured here"><Measured endpoint={endpoint} /></Part>
      <Part title="Limits and policy" isBottom>
        <Facts
          rows={[
            ["Context", tokens(endpoint.context_length)],
            ["Longest prompt", tokens(endpoint.max_prompt_tokens)],
            ["Longest answer", tokens(endpoint.max_completion_tokens)],
            ["Quantization", endpoint.quantization ?? "unknown"],
            ["Caches unasked", endpoint.supports_implicit_caching ? "yes" : "no"],
            ["Data", <DataPolicy policy={provider?.data_policy} />],
            ["Its own words", <Words provider={provider} />],
            ["Parameters", <Text span size="xs" c="dimmed">{endpoint.supported_parameters.join(", ")}</Text>],
          ]}
        />
      </Part>
    </Box>
  );
}

type PartProps = { title: string; children: ReactNode; isBottom?: boolean };

function Part({ title, children, isBottom }: PartProps) {
  return <Box component="section" data-bottom={isBottom} aria-label={title}><Text className="label" mb={8}>{title}</Text>{children}</Box>;
}

function Words({ provider }: { provider: Provider | undefined }) {
  const links = ([["privacy", provider?.privacy_policy_url], ["terms", provider?.terms_of_service_url], ["status", provider?.status_page_url]] as const).filter(([, url]) => url);
  if (links.length === 0) return <span className="quiet">no links known</span>;
  return <>{links.map(([name, url], index) => <span key={name}>{index > 0 && ", "}<Anchor href={url!} size="sm" target="_blank" rel="noopener noreferrer">{name}</Anchor></span>)}</>;
}

type Percentiles = Schemas["Percentiles"] | null | undefined;
const SHARES = ["p50", "p75", "p90", "p99"] as const;

function Measured({ endpoint }: { endpoint: Endpoint }) {
  const { tag, model_id: model } = endpoint;
  const served = (span: number, words: string) => callsOf({ model, endpoint: tag, span }, `What it served in ${words}`);
  const tried = (value: number | null | undefined, span: number) => <Made of={attemptsOf(model, span)}>{share(value)}</Made>;
  const rows: [string, Percentiles, (value: number) => string][] = [
    ["First token", endpoint.latency_last_30m, duration], ["Speed", endpoint.throughput_last_30m, speed],
  ];
  return (
    <>
      <Table isCompact style={{ whiteSpace: "nowrap" }}>
        <Table.Thead><Table.Tr><Table.Th fz="xs" fw={500} c="dimmed">30 minutes</Table.Th>{SHARES.map((name) => <Table.Th key={name} fz="xs" fw={500} c="dimmed" ta="right">{name}</Table.Th>)}</Table.Tr></Table.Thead>
        <Table.Tbody>
          {rows.map(([name, measured, format]) => (
            <Table.Tr key={name}><Table.Td fz="sm">{name}</Table.Td>{SHARES.map((one) => <Table.Td key={one} className="num" fz="sm">{measured ? <Made again of={served(1800, "30 minutes")}>{format(measured[one])}</Made> : "–"}</Table.Td>)}</Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <Box mt="sm">
        <Facts
          rows={[
            ["Uptime", <>{tried(endpoint.uptime_last_5m, 300)} in 5 minutes, {tried(endpoint.uptime_last_30m, 1800)} in 30 minutes, {tried(endpoint.uptime_last_1d, 86_400)} in a day</>],
            ["Rate limited", <>{tried(endpoint.rate_limited_last_30m, 1800)} of attempts in 30 minutes</>],
            ["Valid tool calls", <><Made of={served(86_400, "a day")}>{share(endpoint.tool_success_last_1d)}</Made> in a day</>],
            ["Prompts cached", <><Made of={served(1800, "30 minutes")}>{share(endpoint.cache_hit_last_30m)}</Made> in 30 minutes</>],
            ["Its calls", <LinkText to="/activity" search={{ endpoint: tag, model }} size="sm">in Activity</LinkText>],
          ]}
        />
      </Box>
    </>
  );
}
