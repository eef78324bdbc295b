// The waybill of a call: where it was to go and why, how it went, what was counted and what it cost.
import { Alert, Badge, Box, Group, Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import type { Generation } from "~/api/generation";
import { CopyIcon } from "~/parts/Copy";
import { Facts, Figure } from "~/parts/Figures";
import { count, duration, moment, perMillion, speed, usd, usdExact } from "~/parts/format";
import { LinkText } from "~/parts/links";
import { Table } from "~/parts/Table";
import { filterWords, modeWords, reasonWords, ruleWords, unitWords } from "~/parts/words";
import { Attempts } from "./Attempts";
import classes from "./Waybill.module.css";

export function Waybill({ call }: { call: Generation }) {
  const rate = call.streamed && call.generation_time && call.native_tokens_completion ? call.native_tokens_completion / (call.generation_time / 1000) : undefined;
  return (
    <article className={classes.bill} data-bottom aria-label={`Waybill ${call.id}`}>
      <Group justify="space-between" align="flex-start" className={classes.head} wrap="nowrap">
        <Box miw={0}>
          <Text className="label">Waybill</Text>
          <Group gap={4} wrap="nowrap"><Text className="mono" fw={500} truncate>{call.id}</Text><CopyIcon value={call.id} label="Copy the id" /></Group>
          <Text size="sm" c="dimmed">{moment(call.created_at)}</Text>
        </Box>
        <Stamp call={call} />
      </Group>
      <Box className={classes.figures}>
        <Figure of={null} name="Cost" value={call.total_cost === null ? "unpriced" : usd(call.total_cost)} note={usd(call.total_cost) === usdExact(call.total_cost) ? undefined : usdExact(call.total_cost)} />
        <Figure of={null} name="First token" value={duration(call.time_to_first_token)} note={`${duration(call.latency)} in all`} />
        <Figure of={null} name="Speed" value={speed(rate)} note={call.streamed ? "streamed" : "whole"} />
        <Figure of={null} name="Tokens" value={`${count(call.native_tokens_prompt)} in`} note={`${count(call.native_tokens_completion)} out`} />
      </Box>
      {call.error_message && <Alert color="red" mx="lg" mb="md" title={call.error_type ?? undefined}><Text size="sm" c="var(--mantine-color-text)">{call.error_message}</Text></Alert>}
      <Part title="Asked for">
        <Facts
          rows={[
            ["Model", <LinkTo model={call.requested_model ?? call.model} />],
            ["Served by", call.provider_name ? <>{call.provider_name} <span className="mono quiet">{call.endpoint}</span></> : "nobody"],
            ["Ended", call.cancelled ? "the caller left" : `${call.finish_reason ?? "–"}${call.native_finish_reason && call.native_finish_reason !== call.finish_reason ? ` (${call.native_finish_reason})` : ""}`],
            ["App", call.app_title ?? call.http_referer ?? "–"],
            ["Client", call.user_agent ?? "–"],
            ...(call.session_id ? [["Session", <LinkText to="/sessions/$id" params={{ id: call.session_id }} className="mono" size="sm">{call.session_id}</LinkText>] as [string, ReactNode]] : []),
            ...(call.external_user ? [["End user", call.external_user] as [string, ReactNode]] : []),
            ["Own time", call.overhead_us === undefined ? "–" : `${count(call.overhead_us)} µs before the first attempt`],
          ]}
        />
      </Part>
      <Part title="The way"><Attempts call={call} /></Part>
      <Part title="The plan"><Plan call={call} /></Part>
      <Part title="The bill"><Bill call={call} /></Part>
      {(call.dropped_parameters?.length ?? 0) > 0 && (
        <Part title="Left behind in translation">
          <Group gap={6}>{call.dropped_parameters?.map((name) => <Badge key={name} color="stamp" className="mono">{name}</Badge>)}</Group>
        </Part>
      )}
    </article>
  );
}

/** How it ended, as a stamp. */
function Stamp({ call }: { call: Generation }) {
  const [words, color] = call.cancelled
    ? ["Cancelled", "var(--warn)"]
    : (call.status ?? 200) < 400 ? ["Delivered", "var(--good)"] : [`Failed ${call.status}`, "var(--bad)"];
  return <Box className={classes.stamp} style={{ color, borderColor: color }}>{words}</Box>;
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className={classes.part} aria-label={title}>
      <Title order={2} className="label" mb={10}>{title}</Title>
      {children}
    </section>
  );
}

function LinkTo({ model }: { model: string }) {
  const [author = "", slug = ""] = model.split("/");
  return slug ? <LinkText to="/models/$author/$slug" params={{ author, slug }} className="mono" size="sm">{model}</LinkText> : <span className="mono">{model}</span>;
}

function Plan({ call }: { call: Generation }) {
  const plan = call.plan;
  if (!plan) return <Text size="sm" c="dimmed">There was no plan: the call ended before one was made.</Text>;
  return (
    <Stack gap={6}>
      <Text size="sm">Ordered: <Text span fw={500}>{modeWords(plan.mode)}</Text></Text>
      {plan.attempts.map((attempt, index) => (
        <Group key={index} gap={8}>
          <Text size="sm" c="dimmed" w={16} ta="right">{index + 1}</Text>
          <Text size="sm" className="mono">{attempt.endpoint}</Text>
          {attempt.reasons.map((reason) => <Badge key={reason} size="sm" color="gray">{reasonWords(reason)}</Badge>)}
        </Group>
      ))}
      {plan.passed_over.map((over, index) => (
        <Group key={`over ${index}`} gap={8}><Text size="sm" c="dimmed" w={16} ta="right">–</Text><Text size="sm" className="mono">{over.endpoint}</Text><Badge size="sm" color="amber">passed over: {reasonWords(over.reason)}</Badge></Group>
      ))}
      {plan.excluded.map((out, index) => (
        <Group key={`out ${index}`} gap={8}><Text size="sm" c="dimmed" w={16} ta="right">×</Text><Text size="sm" className="mono" c="dimmed">{out.endpoint}</Text><Badge size="sm" color="stamp">{filterWords(out.excluded_by)}</Badge></Group>
      ))}
    </Stack>
  );
}

function Bill({ call }: { call: Generation }) {
  const units = (call.usage_units ?? []).filter((unit) => unit.count > 0);
  return (
    <>
      {call.unpriced && <Alert color="yellow" mb="sm"><Text size="sm" c="var(--mantine-color-text)">No cost is stated: {call.unpriced}</Text></Alert>}
      <Table className={classes.table}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th fz="xs" c="dimmed" fw={500}>Counted</Table.Th>
            <Table.Th fz="xs" c="dimmed" fw={500} ta="right">Units</Table.Th>
            <Table.Th fz="xs" c="dimmed" fw={500} ta="right">Price per million</Table.Th>
            <Table.Th fz="xs" c="dimmed" fw={500} ta="right">Cost</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {units.map((unit) => (
            <Table.Tr key={unit.unit}>
              <Table.Td fz="sm">{unitWords(unit.unit)}</Table.Td>
              <Table.Td fz="sm" className="num">{count(unit.count)}</Table.Td>
              <Table.Td fz="sm" className="num">{unit.price === null ? "unpriced" : perMillion(String(unit.price))}</Table.Td>
              <Table.Td fz="sm" className="num">{unit.cost === null ? "–" : usdExact(unit.cost)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
        <Table.Tfoot>
          <Table.Tr>
            <Table.Td fz="sm" fw={600} colSpan={3}>Charged</Table.Td>
            <Table.Td fz="sm" fw={600} className="num">{usdExact(call.total_cost)}</Table.Td>
          </Table.Tr>
        </Table.Tfoot>
      </Table>
      <Box mt="sm">
        <Facts
          rows={[
            ["Settled by", call.settlement ? ruleWords(call.settlement) : "–"],
            ["Counted by", call.usage_source === "provider" ? "the provider" : call.usage_source ?? "–"],
            ...(call.cache_discount ? [["Saved by the cache", usdExact(call.cache_discount)] as [string, ReactNode]] : []),
            ...(call.reported_cost !== null && call.reported_cost !== undefined ? [["Reported by the provider", usdExact(call.reported_cost)] as [string, ReactNode]] : []),
            ...(call.cost_gap ? [["Apart from it by", usdExact(call.cost_gap)] as [string, ReactNode]] : []),
          ]}
        />
      </Box>
    </>
  );
}
