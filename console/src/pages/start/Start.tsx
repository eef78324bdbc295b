// From nothing to a first answer: a provider, a key, two lines, and the call as it arrives.
import { Alert, Badge, Box, Button, Group, Loader, Paper, Select, Stack, Text, TextInput, ThemeIcon, Title } from "@mantine/core";
import { IconCheck } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useEffect, useState } from "react";
import { api, told } from "~/api/client";
import { example, keys, models, providers } from "~/api/queries";
import { standing } from "~/api/session";
import { CodeBlock } from "~/parts/Copy";
import { usd } from "~/parts/format";
import { KeySelect, useActingKey } from "~/parts/KeySelect";
import { lazily } from "~/parts/lazily";
import { callOf, callsOf, Made } from "~/parts/Made";
import { Page } from "~/parts/Page";
import { clients } from "~/parts/snippets";
import { Failure } from "~/parts/States";
import { type Answer, noAnswer, request } from "../playground/conversation";
import { ask } from "../playground/stream";

const CredentialForm = lazily(async () => (await import("../providers/CredentialForm")).CredentialForm);
const OwnProviderForm = lazily(async () => (await import("../providers/OwnProviderForm")).OwnProviderForm);

export default function Start() {
  const [secret, setSecret] = useState<string>();
  const usable = useQuery({ ...models("usable"), refetchInterval: 5_000 });
  const served = useQuery({ ...providers, refetchInterval: 5_000 });
  const working = (served.data ?? []).filter((provider) => provider.is_usable);
  const key = useActingKey();
  const hasProvider = working.length > 0;
  const hasKey = key.working.length > 0;
  const model = example(usable.data ?? [])?.id;
  return (
    <Page title="First call" about="Four steps from nothing to a first answer, and everything you need on one page.">
      <Stack gap="md" maw={860}>
        <Step number={1} title="A provider's credential" done={hasProvider}>
          {hasProvider
            ? <Text>{working.length === 1 ? "One provider" : `${working.length} providers`} can be called: {working.slice(0, 6).map((provider) => provider.name).join(", ")}{working.length > 6 ? " and others." : "."}</Text>
            : <NoProvider />}
        </Step>
        <Step number={2} title="A key for your program" done={hasKey}>
          <MakeKey secret={secret} onMade={setSecret} hasKey={hasKey} />
        </Step>
        <Step number={3} title="Two lines for your client" done={false}>
          <Lines secret={secret} model={model} />
        </Step>
        <Step number={4} title="The first call" done={false}>
          <FirstCall model={model} state={key} />
        </Step>
      </Stack>
    </Page>
  );
}

type StepProps = { number: number; title: string; done: boolean; children: ReactNode };

function Step({ number, title, done, children }: StepProps) {
  return (
    <Paper className="sheet" p="lg" component="section" aria-label={title}>
      <Group align="flex-start" wrap="nowrap" gap="md">
        <ThemeIcon radius="xl" size={28} variant={done ? "filled" : "default"} color={done ? "leaf" : "gray"} aria-label={done ? "Done" : `Step ${number}`} role="img">
          {done ? <IconCheck size={16} /> : <Text size="sm" fw={600}>{number}</Text>}
        </ThemeIcon>
        <Box flex={1} miw={0}>
          <Title order={2} mb={6}>{title}</Title>
          {children}
        </Box>
      </Group>
    </Paper>
  );
}

function NoProvider() {
  const [open, setOpen] = useState<"credential" | "own">();
  return (
    <Stack gap="xs">
      <Text>Add the key of a provider, or a server of your own. Either is asked before it is kept, and what is wrong is said in plain words.</Text>
      <Group gap="xs">
        <Button onClick={() => setOpen("credential")}>Add a credential</Button>
        <Button variant="default" onClick={() => setOpen("own")}>Add your own server</Button>
      </Group>
      <Text size="sm" c="dimmed">The usual variables of the environment (OPENAI_API_KEY, ANTHROPIC_API_KEY, …) work as well, and a running Ollama on its standard port is found by itself.</Text>
      {open === "credential" && <CredentialForm onClose={() => setOpen(undefined)} />}
      {open === "own" && <OwnProviderForm onClose={() => setOpen(undefined)} />}
    </Stack>
  );
}

type MakeKeyProps = { secret: string | undefined; onMade: (secret: string) => void; hasKey: boolean };

function MakeKey({ secret, onMade, hasKey }: MakeKeyProps) {
  const client = useQueryClient();
  const [name, setName] = useState("my first program");
  const [limit, setLimit] = useState("5");
  const make = useMutation({
    mutationFn: () => told(api.POST("/keys", { body: { name, limit: limit === "" ? null : Number(limit), limit_reset: limit === "" ? null : "monthly" } })),
    onSuccess: async (made) => {
      onMade(made.key);
      await client.invalidateQueries({ queryKey: keys.queryKey });
    },
  });
  if (secret) {
    return (
      <Stack gap="xs">
        <Text>Copy it now; it is shown once. The lines below hold it already.</Text>
        <CodeBlock code={secret} label="Copy the key" />
      </Stack>
    );
  }
  return (
    <Stack gap="sm">
      {hasKey && <Text>There is a key already; its secret was shown when it was made. Another one costs nothing:</Text>}
      <form onSubmit={(event) => { event.preventDefault(); make.mutate(); }}>
        <Group align="flex-end" gap="xs">
          <TextInput label="Name" required value={name} onChange={(event) => setName(event.currentTarget.value)} w={220} />
          <TextInput label="Limit per month, USD" type="number" min={0} step="any" value={limit} onChange={(event) => setLimit(event.currentTarget.value)} w={170} />
          <Button type="submit" loading={make.isPending} variant={hasKey ? "default" : "filled"}>Create the key</Button>
        </Group>
      </form>
      {make.isError && <Failure error={make.error} />}
    </Stack>
  );
}

function Lines({ secret, model }: { secret: string | undefined; model: string | undefined }) {
  const { data } = useQuery(standing);
  const [id, setId] = useState(clients[0]!.id);
  const client = clients.find((client) => client.id === id) ?? clients[0]!;
  const where = { url: data?.public_url ?? window.location.origin, key: secret ?? "$WAYBILL_API_KEY", model: model ?? "AUTHOR/MODEL" };
  return (
    <Stack gap="xs">
      <Select aria-label="Client" data={clients.map(({ id, label }) => ({ value: id, label }))} value={id} onChange={(value) => value && setId(value)} allowDeselect={false} w={240} />
      <CodeBlock code={client.code(where)} />
    </Stack>
  );
}

function FirstCall({ model, state }: { model: string | undefined; state: ReturnType<typeof useActingKey> }) {
  const [answer, setAnswer] = useState<Answer>();
  // What the key has spent tells that a call has come from elsewhere.
  const watched = useQuery({ ...keys, refetchInterval: 1_500 });
  const total = (watched.data ?? []).reduce((sum, key) => sum + key.usage, 0);
  const [before, setBefore] = useState<number>();
  useEffect(() => { if (before === undefined && watched.data) setBefore(total); }, [before, watched.data, total]);
  const [opened] = useState(() => new Date().toISOString());
  const arrived = before !== undefined && total > before;
  const say = () => {
    if (!model || !state.acting) return;
    const body = request(model, [{ role: "user", content: "Say hello." }], { system: "", temperature: "", topP: "", maxTokens: "", seed: "", effort: "", tools: "", schema: "", order: "" });
    setAnswer(noAnswer);
    void ask(body, state.acting.hash, new AbortController().signal, setAnswer);
  };
  return (
    <Stack gap="sm">
      {arrived
        ? <Alert color="green" icon={<IconCheck size={18} />}><Text c="var(--mantine-color-text)">A call has arrived: <Made of={callsOf({ from: opened })}>{usd(total - before)}</Made> spent since this page was opened.</Text></Alert>
        : <Group gap="xs" c="dimmed"><Loader size={14} color="gray" aria-hidden="true" /><Text>Waiting for a call of your program…</Text></Group>}
      <Group gap="xs">
        <KeySelect state={state} aria-label="As key" w={190} disabled={!state.acting} />
        <Button variant="default" onClick={say} disabled={!model || !state.acting || answer?.state === "waiting" || answer?.state === "streaming"}>Make one from here</Button>
      </Group>
      {answer && (
        <Box p="md" bg="var(--sunken)" style={{ borderRadius: 8 }} aria-live="polite">
          {answer.state === "failed" ? <Failure error={new Error(answer.error)} /> : <Text>{answer.text || "…"}</Text>}
          {answer.state === "done" && (
            <Group gap="xs" mt="xs">
              <Badge color="leaf">{answer.provider}</Badge>
              <Text size="sm" c="dimmed"><Made of={answer.generation ? callOf(answer.generation) : null}>{answer.cost === null ? "unpriced" : usd(answer.cost)}, {answer.outputTokens} tokens</Made></Text>
            </Group>
          )}
        </Box>
      )}
      <Text size="sm" c="dimmed">Then look around: <Link className="link" to="/playground">compare models</Link>, or <Link className="link" to="/models">browse them</Link>.</Text>
    </Stack>
  );
}
