// "Why would my call go there?": the plan for a call that is not made, asked again as one changes it.
import { Alert, Badge, Box, Checkbox, Group, Paper, Progress, Select, SimpleGrid, Stack, Text, Textarea, Title } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, MARK, told, type Schemas } from "~/api/client";
import { keys } from "~/api/queries";
import { duration, percent, speed } from "~/parts/format";
import { attemptsOf, Made } from "~/parts/Made";
import { NumberField } from "~/parts/NumberField";
import { Failure, Waiting } from "~/parts/States";
import { filterWords, modeWords, reasonWords } from "~/parts/words";

type Plan = Schemas["Plan"];
type Body = Schemas["ChatRequest"];

const SORTS = [
  { value: "", label: "As the house prefers" }, { value: "price", label: "Cheapest first" },
  { value: "throughput", label: "Fastest first" }, { value: "latency", label: "Quickest to begin" },
];

/** A tool whose only purpose is to need tools. */
const TOOL = { type: "function" as const, function: { name: "look_up", parameters: { type: "object", properties: {} } } };

export function LivePlan({ model }: { model: string }) {
  const [prompt, setPrompt] = useState("Summarise the attached report in three sentences.");
  const [sort, setSort] = useState("");
  const [tools, setTools] = useState(false);
  const [zdr, setZdr] = useState(false);
  const [max, setMax] = useState<number | string>("");
  const [key, setKey] = useState<string | null>(null);
  const all = useQuery(keys);
  const body = {
    model, messages: [{ role: "user", content: prompt }],
    ...(tools ? { tools: [TOOL] } : {}),
    ...(max === "" ? {} : { max_tokens: Number(max) }),
    provider: { ...(sort ? { sort } : {}), ...(zdr ? { zdr: true } : {}) },
  } as Body;
  const [asked] = useDebouncedValue(JSON.stringify({ body, key }), 250);
  const plan = useQuery({
    queryKey: ["plan", asked],
    queryFn: async ({ signal }) => {
      const { body, key } = JSON.parse(asked) as { body: Body; key: string | null };
      const headers = { ...MARK, ...(key ? { "x-waybill-as-key": key } : {}) };
      return (await told(api.POST("/plan", { body, headers, signal }))).data;
    },
    placeholderData: keepPreviousData,
    refetchInterval: 10_000,
  });
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md" style={{ gridTemplateColumns: undefined }}>
      <Paper className="sheet" p="lg">
        <Stack gap="sm">
          <Title order={2}>The call</Title>
          <Textarea label="Prompt" autosize minRows={3} maxRows={10} value={prompt} onChange={(event) => setPrompt(event.currentTarget.value)} />
          <Group grow>
            <Select label="Order" data={SORTS} value={sort} onChange={(value) => setSort(value ?? "")} allowDeselect={false} />
            <NumberField label="Longest answer, tokens" placeholder="No limit" isWhole value={max} onChange={setMax} />
          </Group>
          <Select
            label="As key" placeholder="None" clearable value={key} onChange={setKey}
            data={(all.data ?? []).filter((key) => !key.disabled).map((key) => ({ value: key.hash, label: `${key.name} (${key.label})` }))}
          />
          <Group gap="lg">
            <Checkbox label="Needs tools" checked={tools} onChange={(event) => setTools(event.currentTarget.checked)} />
            <Checkbox label="Keeps nothing (ZDR)" checked={zdr} onChange={(event) => setZdr(event.currentTarget.checked)} />
          </Group>
          <Text size="sm" c="dimmed">Nothing is sent to a provider. The same question as a request: <span className="mono">POST /api/v1/plan</span></Text>
        </Stack>
      </Paper>
      <Box>
        {plan.isPending && <Paper className="sheet"><Waiting /></Paper>}
        {plan.isError && <Failure error={plan.error} />}
        {plan.data && !plan.isError && <Shown plan={plan.data} />}
      </Box>
    </SimpleGrid>
  );
}

function Shown({ plan }: { plan: Plan }) {
  return (
    <Stack gap="md">
      <Paper className="sheet" p="lg">
        <Group justify="space-between" mb="sm">
          <Title order={2}>Would be asked, in this order</Title>
          <Badge color="carbon">{modeWords(plan.mode)}</Badge>
        </Group>
        {plan.attempts.length === 0 && <Alert color="yellow">No endpoint can serve this call.</Alert>}
        <Stack gap={0} component="ol" m={0} p={0} style={{ listStyle: "none" }}>
          {plan.attempts.map((attempt, index) => <Attempt key={`${attempt.model} ${attempt.endpoint}`} attempt={attempt} place={index + 1} />)}
        </Stack>
      </Paper>
      {plan.excluded.length > 0 && (
        <Paper className="sheet" p="lg">
          <Title order={2} mb="sm">Left out</Title>
          <Stack gap={8}>
            {plan.excluded.map((out) => (
              <Box key={`${out.model} ${out.endpoint}`}>
                <Group gap={8}><Text fw={500} className="mono">{out.endpoint}</Text><Badge color="stamp" size="sm">{filterWords(out.excluded_by)}</Badge></Group>
                <Text size="sm" c="dimmed">{out.reason}</Text>
              </Box>
            ))}
          </Stack>
        </Paper>
      )}
    </Stack>
  );
}

type Scores = {
  standing?: string; first_choice_probability?: number | null; latency_p50_ms?: number | null; throughput_p50?: number | null;
};

function Attempt({ attempt, place }: { attempt: Plan["attempts"][number]; place: number }) {
  const scores = attempt.scores as Scores;
  const chance = scores.first_choice_probability;
  return (
    <Box component="li" py={10} style={{ borderTop: place > 1 ? "1px solid var(--rule)" : undefined }}>
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <Group gap={10} wrap="nowrap" align="flex-start">
          <Text c="dimmed" w={18} ta="right">{place}</Text>
          <Box>
            <Text fw={500}>{attempt.provider_name}</Text>
            <Text size="xs" c="dimmed" className="mono">{attempt.endpoint} · {attempt.dialect}</Text>
            <Group gap={5} mt={4}>
              {attempt.reasons.map((reason) => <Badge key={reason} size="sm" color="gray">{reasonWords(reason)}</Badge>)}
              {attempt.is_cooling_down && <Badge size="sm" color="yellow">cooling down</Badge>}
              {attempt.passed_over && <Badge size="sm" color="stamp">would be passed over: {reasonWords(attempt.passed_over)}</Badge>}
              {(attempt.dropped ?? []).map((name) => <Badge key={name} size="sm" color="stamp">drops {name}</Badge>)}
            </Group>
          </Box>
        </Group>
        <Box ta="right" miw={128}>
          <Text size="sm" data-bottom>{attempt.expected_cost === null ? "no price" : `≈ $${attempt.expected_cost}`}</Text>
          <Text size="xs" c="dimmed">
            {scores.latency_p50_ms
              ? <Made of={attemptsOf(attempt.model, 1800)}>{duration(scores.latency_p50_ms)}{scores.throughput_p50 ? `, ${speed(scores.throughput_p50)}` : ""}</Made>
              : "not measured yet"}
          </Text>
          {chance !== null && chance !== undefined && (
            <Box mt={4}>
              <Progress value={chance * 100} size={4} aria-label={`Chance of being the first: ${percent(chance)}`} />
              <Text size="xs" c="dimmed" data-bottom>first in {percent(chance)}</Text>
            </Box>
          )}
        </Box>
      </Group>
    </Box>
  );
}
