// One model's side of the conversation, with what each answer cost and how fast it was.
import { ActionIcon, Alert, Badge, Box, Button, Code, Group, Loader, Paper, Spoiler, Stack, Text, TextInput } from "@mantine/core";
import { IconReceipt, IconTool, IconX } from "@tabler/icons-react";
import { lazy, Suspense, useState } from "react";
import { CopyIcon } from "~/parts/Copy";
import { count, duration, speed, usd } from "~/parts/format";
import { LinkIcon } from "~/parts/links";
import { type Answer, tokensPerSecond, type ToolCall, type Turn } from "./conversation";

const Prose = lazy(() => import("./Prose"));

type Props = {
  model: string;
  name: string;
  turns: Turn[];
  onRemove?: () => void;
  onToolResults: (results: Record<string, string>) => void;
};

export function Column({ model, name, turns, onRemove, onToolResults }: Props) {
  return (
    <Paper className="sheet" component="section" aria-label={name} miw={300} style={{ display: "flex", flexDirection: "column", minHeight: 0 }}>
      <Group justify="space-between" px="md" py={9} wrap="nowrap" style={{ borderBottom: "1px solid var(--rule)" }}>
        <Box miw={0}>
          <Text fw={600} truncate>{name}</Text>
          <Text size="xs" c="dimmed" className="mono" truncate>{model}</Text>
        </Box>
        {onRemove && <ActionIcon title="Take away" aria-label={`Take ${name} away`} onClick={onRemove}><IconX size={16} /></ActionIcon>}
      </Group>
      <Stack gap="lg" p="md" style={{ overflowY: "auto", flex: 1 }} tabIndex={0} role="log" aria-label={`Conversation with ${name}`}>
        {turns.length === 0 && <Text c="dimmed" size="sm">Answers of this model appear here.</Text>}
        {turns.map((turn, index) => (
          <Exchange key={index} turn={turn} isLast={index === turns.length - 1} onToolResults={onToolResults} />
        ))}
      </Stack>
    </Paper>
  );
}

type ExchangeProps = { turn: Turn; isLast: boolean; onToolResults: Props["onToolResults"] };

function Exchange({ turn, isLast, onToolResults }: ExchangeProps) {
  const { answer } = turn;
  return (
    <Box>
      <Box mb="sm" px={12} py={8} style={{ background: "var(--sunken)", borderRadius: 8 }}>
        {turn.attachments.map((attachment, index) => (
          attachment.type.startsWith("image/")
            ? <img key={index} src={attachment.dataUrl} alt={attachment.name} style={{ maxWidth: 160, maxHeight: 120, borderRadius: 4, display: "block", marginBottom: 6 }} />
            : <Badge key={index} color="gray" mr={6}>{attachment.name}</Badge>
        ))}
        <Text style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>{turn.shown}</Text>
      </Box>
      {answer.reasoning && (
        <Box mb="sm" pl={12} style={{ borderLeft: "2px solid var(--rule-strong)" }}>
          <Text className="label" mb={2}>Reasoning</Text>
          <Spoiler maxHeight={84} showLabel="Show all" hideLabel="Show less">
            <Text size="sm" c="dimmed" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>{answer.reasoning}</Text>
          </Spoiler>
        </Box>
      )}
      {answer.state === "waiting" && <Group gap="xs" c="dimmed"><Loader size={14} color="gray" aria-label="Waiting" /><Text size="sm">Waiting for the first token</Text></Group>}
      {answer.text && <Suspense fallback={<Text style={{ whiteSpace: "pre-wrap" }}>{answer.text}</Text>}><Prose>{answer.text}</Prose></Suspense>}
      {answer.toolCalls.length > 0 && <Tools calls={answer.toolCalls} canAnswer={isLast && answer.state === "done"} onResults={onToolResults} />}
      {answer.state === "failed" && <Alert color="red" mt="xs"><Text size="sm" c="var(--mantine-color-text)">{answer.error}</Text></Alert>}
      {answer.state === "stopped" && <Text size="sm" c="dimmed" mt={4}>Stopped.</Text>}
      {answer.state !== "waiting" && answer.state !== "streaming" && <Measures answer={answer} />}
    </Box>
  );
}

function Measures({ answer }: { answer: Answer }) {
  const rate = tokensPerSecond(answer);
  return (
    <Group gap="md" mt="sm" pt={8} data-bottom style={{ borderTop: "1px dashed var(--rule-strong)" }} aria-label="Measures" role="group">
      <Measure name="Cost" value={answer.cost === undefined ? "–" : answer.cost === null ? "unpriced" : usd(answer.cost)} />
      <Measure name="First token" value={duration(answer.firstMs)} />
      <Measure name="Speed" value={speed(rate)} />
      <Measure name="Tokens" value={answer.promptTokens === undefined ? "–" : `${count(answer.promptTokens)} in, ${count(answer.outputTokens)} out`} />
      <Measure name="By" value={answer.provider ?? "–"} />
      <Group gap={2} ml="auto">
        <CopyIcon value={answer.text} label="Copy the answer" />
        {answer.generation && (
          <LinkIcon to="/activity/$id" params={{ id: answer.generation }} size="sm" variant="subtle" color="gray" title="The waybill of this call" aria-label="The waybill of this call"><IconReceipt size={15} /></LinkIcon>
        )}
      </Group>
    </Group>
  );
}

function Measure({ name, value }: { name: string; value: string }) {
  return (
    <Box>
      <Text size="xs" c="dimmed">{name}</Text>
      <Text size="sm" fw={500}>{value}</Text>
    </Box>
  );
}

type ToolsProps = { calls: ToolCall[]; canAnswer: boolean; onResults: Props["onToolResults"] };

function Tools({ calls, canAnswer, onResults }: ToolsProps) {
  const [results, setResults] = useState<Record<string, string>>({});
  return (
    <Stack gap="xs" mt="xs">
      {calls.map((call) => (
        <Box key={call.id} p="sm" style={{ border: "1px solid var(--rule)", borderRadius: 8 }}>
          <Group gap={6} mb={4}><IconTool size={15} /><Text fw={500} size="sm">{call.name}</Text></Group>
          <Code block fz="xs" tabIndex={0}>{pretty(call.arguments)}</Code>
          {canAnswer && (
            <TextInput
              mt="xs" label={`What ${call.name} gives back`} placeholder='{"temperature": 21}' value={results[call.id] ?? ""}
              onChange={(event) => setResults({ ...results, [call.id]: event.currentTarget.value })}
            />
          )}
        </Box>
      ))}
      {canAnswer && (
        <Button size="xs" variant="default" style={{ alignSelf: "flex-start" }} onClick={() => onResults(results)}>
          Send {calls.length > 1 ? "the results" : "the result"}
        </Button>
      )}
    </Stack>
  );
}

function pretty(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}
