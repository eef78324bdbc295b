// The attempts of a call on one time line.
import { Badge, Box, Group, Stack, Text } from "@mantine/core";
import type { Generation } from "~/api/generation";
import { duration, usdExact } from "~/parts/format";
import { ruleWords } from "~/parts/words";

const colors: Record<string, string> = { completed: "var(--good)", cancelled: "var(--warn)", failed: "var(--bad)" };

export function Attempts({ call }: { call: Generation }) {
  const attempts = call.provider_responses ?? [];
  if (attempts.length === 0) return <Text size="sm" c="dimmed">No provider was asked.</Text>;
  const total = Math.max(call.latency ?? 0, attempts.reduce((sum, attempt) => sum + (attempt.latency ?? 0), 0), 1);
  let began = 0;
  return (
    <Stack gap={12} component="ol" m={0} p={0} style={{ listStyle: "none" }}>
      {attempts.map((attempt, index) => {
        const start = began;
        const took = attempt.latency ?? 0;
        began += took;
        const color = colors[attempt.outcome ?? "failed"];
        return (
          <Box component="li" key={index}>
            <Group justify="space-between" gap="xs" mb={4}>
              <Group gap={8}>
                <Text size="sm" fw={500}>{attempt.provider_name}</Text>
                <Text size="xs" c="dimmed" className="mono">{attempt.endpoint_id}</Text>
                <Badge size="sm" color={attempt.outcome === "completed" ? "leaf" : attempt.outcome === "cancelled" ? "amber" : "stamp"}>
                  {attempt.status ?? "no answer"} {attempt.outcome}
                </Badge>
                {attempt.is_byok && <Badge size="sm" color="gray">own credential</Badge>}
                {attempt.credential && <Badge size="sm" color="gray">{attempt.credential}</Badge>}
              </Group>
              <Text size="sm" c="dimmed">{duration(took)}</Text>
            </Group>
            <Box h={8} style={{ background: "var(--wash)", borderRadius: 4, position: "relative" }} role="img" aria-label={`From ${duration(start)} to ${duration(start + took)} of ${duration(total)}`}>
              <Box style={{ position: "absolute", left: `${(start / total) * 100}%`, width: `max(3px, ${(took / total) * 100}%)`, height: "100%", borderRadius: 4, background: color }} />
            </Box>
            {attempt.error_message && <Text size="sm" c="dimmed" mt={4}>{attempt.error_type && <Text span c="var(--bad)" size="sm">{attempt.error_type}: </Text>}{attempt.error_message}</Text>}
            {attempt.cost !== undefined && <Text size="sm" c="dimmed" mt={4}>Charged beside the answer: {usdExact(attempt.cost)}{attempt.rule && ` (${ruleWords(attempt.rule)})`}</Text>}
            {attempt.outcome !== "completed" && attempt.may_be_billed && attempt.cost === undefined && <Text size="xs" c="dimmed" mt={2}>The provider may have begun to work.</Text>}
          </Box>
        );
      })}
    </Stack>
  );
}
