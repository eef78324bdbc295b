// Chat with one model, or with up to six on the same prompt, side by side.
import { Box, Button, Group, MultiSelect, SimpleGrid, Text } from "@mantine/core";
import { IconAdjustmentsHorizontal, IconCode, IconEraser } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useEffect, useMemo, useRef, useState } from "react";
import { example, models } from "~/api/queries";
import { usd } from "~/parts/format";
import { KeySelect, useActingKey } from "~/parts/KeySelect";
import { lazily, useOnce } from "~/parts/lazily";
import { LinkButton } from "~/parts/links";
import { callsOf, Made } from "~/parts/Made";
import { notify } from "~/parts/notices";
import { Page } from "~/parts/Page";
import { Empty, Failure } from "~/parts/States";
import { Column } from "./Column";
import { Composer } from "./Composer";
import { type Attachment, content, history, type Message, mistakes, noAnswer, noOptions, request, type Turn } from "./conversation";
import { ask } from "./stream";

const Beside = lazily(async () => (await import("./Beside")).Beside);

const route = getRouteApi("/house/playground");
const MODELS_MAX = 6;

type Conversations = Record<string, Turn[]>;

export default function Playground() {
  const search = route.useSearch();
  const navigate = useNavigate({ from: "/playground" });
  const known = useQuery(models("usable"));
  const key = useActingKey();
  const [options, setOptions] = useState(noOptions);
  const [conversations, setConversations] = useState<Conversations>({});
  const [shown, setShown] = useState<"options" | "code">();
  const hasBeside = useOnce(shown !== undefined);
  const [opened] = useState(() => new Date().toISOString());
  const stopper = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => stopper.current?.abort(), []);
  const chosen = useMemo(() => {
    const named = (search.models ?? "").split(",").filter(Boolean);
    if (named.length > 0) return named.slice(0, MODELS_MAX);
    const first = example(known.data ?? []);
    return first ? [first.id] : [];
  }, [search.models, known.data]);
  const choose = (ids: string[]) => void navigate({ search: { models: ids.join(",") || undefined }, replace: true });
  const turns = (model: string) => conversations[model] ?? [];
  const isBusy = chosen.some((model) => ["waiting", "streaming"].includes(turns(model).at(-1)?.answer.state ?? ""));

  /** Says something to these models; each has its own conversation. */
  const say = (to: string[], said: (model: string) => Message[], shownAs: string, attachments: Attachment[] = []) => {
    if (!key.acting) return;
    const stop = (stopper.current = new AbortController());
    for (const model of to) {
      const before = turns(model);
      const turn: Turn = { said: said(model), shown: shownAs, attachments, answer: noAnswer };
      const tell = (answer: Turn["answer"]) =>
        setConversations((all) => ({ ...all, [model]: [...before, { ...turn, answer }] }));
      tell(noAnswer);
      void ask(request(model, [...history(before), ...turn.said], options), key.acting.hash, stop.signal, tell);
    }
  };
  const send = (text: string, attachments: Attachment[]) =>
    say(chosen, () => [{ role: "user", content: content(text, attachments) } as Message], text, attachments);
  const results = (model: string) => (values: Record<string, string>) =>
    say([model], () => (turns(model).at(-1)?.answer.toolCalls ?? []).map((call) => (
      { role: "tool", tool_call_id: call.id, content: values[call.id] ?? "" } as Message
    )), "Results of the tools");

  const clear = () => {
    setConversations({});
    void notify({ title: "The conversations are cleared", undo: async () => setConversations(conversations) });
  };

  const spent = Object.values(conversations).flat().reduce((sum, turn) => sum + Math.round((turn.answer.cost ?? 0) * 1e9), 0) / 1e9;
  const isBroken = Object.keys(mistakes(options)).length > 0;
  if (known.isError) return <Page title="Playground"><Failure error={known.error} retry={() => void known.refetch()} /></Page>;
  if (key.query.isSuccess && key.working.length === 0) {
    return (
      <Page title="Playground">
        <Empty title="A key is needed first" action={<LinkButton to="/keys">Create a key</LinkButton>}>
          Calls from here are made as one of your keys, under its limits and in its records.
        </Empty>
      </Page>
    );
  }
  return (
    <Page
      title="Playground" about="One prompt, up to six models, each with what it cost and how fast it was."
      actions={
        <>
          <KeySelect state={key} aria-label="As key" w={170} />
          <Button variant="default" leftSection={<IconAdjustmentsHorizontal size={16} />} onClick={() => setShown("options")}>Options</Button>
          <Button variant="default" leftSection={<IconCode size={16} />} onClick={() => setShown("code")} disabled={isBroken}>Use the code</Button>
        </>
      }
    >
      <Group gap="sm" mb="sm" align="flex-end">
        <MultiSelect
          flex={1} miw={240} searchable limit={60} maxValues={MODELS_MAX} hidePickedOptions label="Models" placeholder={chosen.length < MODELS_MAX ? "Add a model" : undefined}
          data={(known.data ?? []).map((model) => ({ value: model.id, label: model.id }))} value={chosen} onChange={choose}
          nothingFoundMessage="No model that can be called has this name"
        />
        <Group gap="xs" h={36}>
          <Text size="sm" c="dimmed">Session: <Text span fw={600} c="var(--mantine-color-text)"><Made of={callsOf({ from: opened, key: key.acting?.hash }, "The calls of this key since the page was opened")}>{usd(spent)}</Made></Text></Text>
          <Button title="Forget what was said" variant="subtle" color="gray" size="xs" leftSection={<IconEraser size={15} />} disabled={isBusy || Object.keys(conversations).length === 0} onClick={clear}>Clear</Button>
        </Group>
      </Group>
      <SimpleGrid cols={{ base: 1, md: Math.min(chosen.length, 2), lg: Math.min(Math.max(chosen.length, 1), 3) }} spacing="sm" style={{ gridAutoRows: "minmax(240px, calc(100dvh - 322px))" }}>
        {chosen.map((model) => (
          <Column
            key={model} model={model} name={known.data?.find((row) => row.id === model)?.name ?? model} turns={turns(model)}
            onRemove={chosen.length > 1 ? () => choose(chosen.filter((other) => other !== model)) : undefined} onToolResults={results(model)}
          />
        ))}
      </SimpleGrid>
      <Box mt="sm" pos="sticky" bottom={12} style={{ zIndex: 5 }}>
        <Composer models={(known.data ?? []).filter(({ id }) => chosen.includes(id))} onSend={send} onStop={() => stopper.current?.abort()} isBusy={isBusy} disabled={chosen.length === 0 || !key.acting || isBroken} />
      </Box>
      {hasBeside && (
        <Beside
          shown={shown} onClose={() => setShown(undefined)} options={options} onOptions={setOptions}
          body={() => request(chosen[0] ?? "", history(turns(chosen[0] ?? "")), options)}
        />
      )}
    </Page>
  );
}
