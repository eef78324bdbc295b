// What troubles endpoints now, and what did within the last day.
import { Badge, Box, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { IconCircleCheck } from "@tabler/icons-react";
import { percent } from "~/parts/format";
import { callsOf, Made } from "~/parts/Made";
import { type Report, standings } from "./Lines";

type Incident = Report["incidents"][number];

export function Incidents({ all, isSignedIn }: { all: Incident[]; isSignedIn: boolean }) {
  const of = (one: Incident) => (isSignedIn ? callsOf({ model: one.model, from: one.from ?? undefined, to: one.to ?? undefined }, "The calls of this model in this time: their waybills hold the attempts") : null);
  return (
    <Paper className="sheet" p="lg" component="section" aria-label="Incidents">
      <Title order={2} mb="sm">Incidents</Title>
      {all.length === 0 && (
        <Group gap={8} c="var(--good)"><IconCircleCheck size={18} /><Text size="sm" c="var(--mantine-color-text)">None: no endpoint is left out now, and none failed for an hour within the last day.</Text></Group>
      )}
      <Stack gap={12}>
        {all.map((one, index) => (
          <Group key={index} gap={10} wrap="nowrap" align="flex-start">
            <Box w={9} h={9} mt={6} style={{ borderRadius: "50%", flexShrink: 0, background: one.is_over ? "var(--rule-strong)" : one.kind === "failing" || one.kind === "out" || one.kind === "down" ? "var(--bad)" : "var(--warn)" }} aria-hidden="true" />
            <Box>
              <Group gap={8}>
                <Text size="sm" fw={500}>{one.provider_name}</Text>
                <Text size="sm" c="dimmed" className="mono">{one.model}</Text>
                <Badge size="sm" color={one.is_over ? "gray" : one.kind === "failing" ? "stamp" : standings[one.kind][1]}>{one.is_over ? "over" : one.kind === "failing" ? "failing" : standings[one.kind][0]}</Badge>
              </Group>
              <Text size="sm" c="dimmed">{one.kind === "failing" && one.from ? <Made of={of(one)}>{words(one)}</Made> : <span data-bottom>{words(one)}</span>}</Text>
            </Box>
          </Group>
        ))}
      </Stack>
    </Paper>
  );
}

const clock = (iso: string) => new Date(iso).toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

const now: Record<Exclude<Incident["kind"], "failing">, string> = {
  out: "It failed several times in a row. It is asked last, and looked at again within minutes.",
  down: "Fewer than 80 of 100 attempts succeed. It is asked only when others fail.",
  degraded: "Fewer than 95 of 100 attempts succeed. It is asked less.",
  limited: "It has said that it is asked too often, and is left alone for a while.",
  pressed: "Its rate limit is nearly used up; others are asked first.",
};

function words(one: Incident): string {
  if (one.kind !== "failing" || !one.from) {
    const until = one.cools_until ? ` Until ${clock(one.cools_until)}.` : "";
    return `${now[one.kind as keyof typeof now] ?? one.kind}${until}`;
  }
  const time = one.to ? `From ${clock(one.from)} to ${clock(one.to)}` : `Since ${clock(one.from)}`;
  return `${time}: ${percent(one.served, 1)} of the attempts were served; calls fell back to other endpoints where there were any.`;
}
