// Models, providers or endpoints, each with its bars and its times.
import { Badge, Box, Group, Text } from "@mantine/core";
import type { ReactNode } from "react";
import type { Schemas } from "~/api/client";
import { count, duration, percent } from "~/parts/format";
import { LinkText } from "~/parts/links";
import { attemptsOf, callsOf, Made, type Way } from "~/parts/Made";
import type { ActivitySearch } from "~/router";
import { Scroll, Table } from "~/parts/Table";
import { level, Shares, type Span } from "./Shares";

export type Report = Schemas["StatusReport"];
type Line = Schemas["StatusLine"];
export type By = "models" | "providers" | "endpoints";

type Props = { report: Report; by: By; span: Span; isSignedIn: boolean };

export function Lines({ report, by, span, isSignedIn }: Props) {
  const rows: { key: string; line: Line; name: ReactNode; label: string; calls: ActivitySearch }[] =
    by === "endpoints"
      ? report.endpoints.map((one) => ({ key: `${one.model}@${one.endpoint}`, line: attempted(one, span), name: <OfEndpoint one={one} isSignedIn={isSignedIn} />, label: `${one.model} at ${one.endpoint}`, calls: { model: one.model, endpoint: one.endpoint } }))
      : report[by].map((one) => ({ key: one.id, line: one, name: <Name id={one.id} name={one.name} isLinked={isSignedIn && by === "models"} />, label: one.name, calls: by === "models" ? { model: one.id } : { provider: one.id } }));
  const of = (calls: ActivitySearch, days: number) => (isSignedIn ? callsOf({ ...calls, span: days * 86_400 }) : null);
  const ofAttempts = ({ model }: ActivitySearch) => (isSignedIn ? attemptsOf(model, 86_400) : null);
  const hasCounts = rows.some((row) => row.line.counts !== undefined);
  const hasAttempts = by === "endpoints" && span === "hours";
  return (
    <>
      {by === "endpoints" && <Text size="sm" c="dimmed" px="lg" pt="sm">The hours are those of attempts, so that what fell back to another endpoint counts as well; the days are those of the calls that it answered.</Text>}
      <Scroll>
        <Table miw={820} highlightOnHover>
          <Table.Thead>
            <Table.Tr>
              <Head left>{{ models: "Model", providers: "Provider", endpoints: "Endpoint" }[by]}</Head>
              <Table.Th fz="xs" fw={500} c="dimmed" w="34%">{span === "hours" ? "The last 24 hours" : "The last 30 days (UTC)"}</Table.Th>
              <Head>{hasAttempts ? "Attempts served, 24 h" : "Completed, 24 h"}</Head><Head>Completed, 30 days</Head>
              <Head>First token p50, p95</Head><Head last={!hasCounts}>In all p50, p95</Head>
              {hasCounts && <Head last>Calls, 24 h</Head>}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map(({ key, line, name, label, calls }) => (
              <Table.Tr key={key}>
                <Table.Td pl="lg">{name}</Table.Td>
                <Table.Td><Shares name={label} shares={span === "hours" ? line.by_hour : line.by_day} from={span === "hours" ? report.hours_from : report.days_from} span={span} /></Table.Td>
                <Table.Td className="num"><Share share={line.completion_1d} of={hasAttempts ? ofAttempts(calls) : of(calls, 1)} /></Table.Td>
                <Table.Td className="num"><Share share={line.completion_30d} of={of(calls, 30)} /></Table.Td>
                <Table.Td fz="sm" className="num"><Made again of={of(calls, 1)}>{times(line.first_token_ms)}</Made></Table.Td>
                <Table.Td fz="sm" className="num" pr={hasCounts ? undefined : "lg"}><Made again of={of(calls, 1)}>{times(line.total_ms)}</Made></Table.Td>
                {hasCounts && <Table.Td fz="sm" className="num" pr="lg"><Made of={of(calls, 1)}>{count(line.counts?.calls_1d)}</Made></Table.Td>}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Scroll>
    </>
  );
}

/** Of an endpoint the hours are those of its attempts: a call that fell back from it counts there as well. */
function attempted(one: Schemas["StatusEndpoint"], span: Span): Line {
  return span === "hours" ? { ...one, by_hour: one.attempts_by_hour, completion_1d: one.attempts_served_1d } : one;
}

function Head({ children, left, last }: { children: string; left?: boolean; last?: boolean }) {
  return <Table.Th fz="xs" fw={500} c="dimmed" ta={left ? "left" : "right"} pl={left ? "lg" : undefined} pr={last ? "lg" : undefined}>{children}</Table.Th>;
}

const colors = { none: undefined, good: undefined, fair: "var(--warn)", bad: "var(--bad)" } as const;

function Share({ share, of }: { share: number | null; of: Way | null }) {
  return <Text size="sm" fw={500} c={colors[level(share)]}><Made of={of}>{percent(share, 2)}</Made></Text>;
}

const times = (of: { p50: number; p95: number } | null) => (of ? `${duration(of.p50)}, ${duration(of.p95)}` : "–");

function Name({ id, name, isLinked }: { id: string; name: string; isLinked: boolean }) {
  const [author = "", slug = ""] = id.split("/");
  return (
    <Box>
      {isLinked && slug ? <LinkText to="/models/$author/$slug" params={{ author, slug }} size="sm" fw={500}>{name}</LinkText> : <Text size="sm" fw={500}>{name}</Text>}
      {id !== name && <Text size="xs" c="dimmed" className="mono">{id}</Text>}
    </Box>
  );
}

/** What routing makes of it now, where that is not in order. */
export const standings = {
  degraded: ["degraded", "amber"], pressed: ["near its rate limit", "amber"], down: ["down", "stamp"],
  limited: ["limiting our rate", "amber"], out: ["out of service", "stamp"],
} as const;

function OfEndpoint({ one, isSignedIn }: { one: Schemas["StatusEndpoint"]; isSignedIn: boolean }) {
  const [author = "", slug = ""] = one.model.split("/");
  const standing = one.standing === "normal" ? undefined : standings[one.standing];
  return (
    <Box>
      <Group gap={8}>
        <Text size="sm" fw={500}>{one.provider_name}</Text>
        {standing && <Badge size="sm" color={standing[1]}>{standing[0]}</Badge>}
      </Group>
      {isSignedIn
        ? <LinkText to="/models/$author/$slug" params={{ author, slug }} size="xs" className="mono">{one.model}</LinkText>
        : <Text size="xs" c="dimmed" className="mono">{one.model}</Text>}
    </Box>
  );
}
