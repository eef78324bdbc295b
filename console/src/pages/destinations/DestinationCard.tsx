// One destination: what it is told, how that goes, and what it never took.
import { Badge, Button, Group, Paper, SimpleGrid, Switch, Text, Title } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, told, type Schemas } from "~/api/client";
import { Confirm } from "~/parts/confirm";
import { Figure, Instant } from "~/parts/Figures";
import { count, percent } from "~/parts/format";
import { lazily } from "~/parts/lazily";
import { callsOf } from "~/parts/Made";
import { notify } from "~/parts/notices";
import { Failure, Waiting } from "~/parts/States";
import { deliveries, type Destination, kindName } from "./queries";

const DeadLetters = lazily(async () => (await import("./DeadLetters")).DeadLetters);

export function DestinationCard({ one, onChange }: { one: Destination; onChange: () => void }) {
  const client = useQueryClient();
  const name = one.name ?? kindName(one.type);
  const path = { params: { path: { id: one.id } } };
  const refresh = () => client.invalidateQueries({ queryKey: ["destinations"] });
  const test = useMutation({ mutationFn: async () => (await told(api.POST("/observability/destinations/{id}/test", path))).data });
  const switchTo = async (enabled: boolean) => {
    await told(api.PATCH("/observability/destinations/{id}", { ...path, body: { enabled } }));
    await refresh();
  };
  const toggle = useMutation({
    mutationFn: switchTo,
    onSuccess: (_, enabled) => void notify({ title: `${name} is switched ${enabled ? "on" : "off"}`, undo: () => switchTo(!enabled) }),
  });
  return (
    <Paper className="sheet" component="section" aria-label={name}>
      <Group justify="space-between" px="md" py="sm" style={{ borderBottom: "1px solid var(--rule)" }}>
        <Group gap="sm">
          <Switch checked={one.enabled} disabled={toggle.isPending} aria-label={`Tell ${name}`} onChange={(event) => toggle.mutate(event.currentTarget.checked)} />
          <Title order={2}>{name}</Title>
          <Badge color="gray">{kindName(one.type)}</Badge>
          {!one.enabled && <Badge color="gray">off</Badge>}
        </Group>
        <Group gap="xs">
          {test.data && <Badge color={test.data.ok ? "leaf" : "stamp"} style={{ height: "auto" }} styles={{ label: { whiteSpace: "normal" } }}>{test.data.ok ? "it answers" : test.data.error}</Badge>}
          <Button size="compact-sm" variant="default" loading={test.isPending} onClick={() => test.mutate()}>Test the connection</Button>
          <Button size="compact-sm" variant="default" onClick={onChange}>Change</Button>
          <Confirm
            title={`Delete ${name}?`} verb="Delete it" act={async () => { await told(api.DELETE("/observability/destinations/{id}", path)); await refresh(); void notify({ title: `${name} is deleted` }); }}
            trigger={(ask) => <Button size="compact-sm" variant="subtle" color="stamp" onClick={ask}>Delete</Button>}
          >
            It is told nothing any more, and its secrets are wiped at once. What it was told stays there.
          </Confirm>
        </Group>
      </Group>
      {(test.error ?? toggle.error) && <Failure error={(test.error ?? toggle.error)!} />}
      <Text size="sm" c="dimmed" px="md" pt="sm" data-bottom>{toldOf(one)}</Text>
      <Deliveries id={one.id} workspace={one.workspace_id} />
    </Paper>
  );
}

/** What it is told of, in a sentence. */
function toldOf(one: Destination): string {
  const calls = one.api_key_hashes ? `calls of ${one.api_key_hashes.length === 1 ? "one key" : `${one.api_key_hashes.length} keys`}` : "every call";
  const share = one.sampling_rate < 1 ? `${percent(one.sampling_rate, 2)} of the sessions of ${calls}` : calls;
  const more = [!one.privacy_mode && "what was asked and answered", one.broadcast_generation_cost && "cost", one.broadcast_generation_identity && "key and workspace", one.broadcast_generation_request_context && "app"].filter(Boolean);
  return `Told of ${share}${one.filter_rules ? ", by filter rules" : ""}: names, times, tokens and how it ended${more.length > 0 ? `; also ${more.join(", ")}` : ""}.`;
}

function Deliveries({ id, workspace }: { id: string; workspace: string }) {
  const found = useQuery(deliveries(id));
  if (found.isPending) return <Waiting rows={1} />;
  if (found.isError) return <Failure error={found.error} retry={() => void found.refetch()} />;
  return <Told id={id} workspace={workspace} data={found.data} />;
}

function Told({ id, workspace, data }: { id: string; workspace: string; data: Schemas["ObservabilityDeliveries"] }) {
  const [isShown, setShown] = useState(false);
  const dead = data.dead_letters.length;
  return (
    <>
      <SimpleGrid cols={{ base: 2, sm: 5 }} px="md" py="sm">
        <Figure name="Told" value={count(data.delivered)} of={callsOf({ workspace }, "The calls of the workspace: which of them were told is not in their records")} note="calls, by this server" />
        <Figure name="Waiting" value={count(data.waiting)} of={null} note={`calls, ${((data.waiting_bytes + data.parked_bytes) / 1024).toFixed(1)} kB`} />
        <Figure name="Given up" value={count(data.failed)} of={null} note={dead > 0 ? <Button variant="subtle" size="compact-xs" ml={-6} onClick={() => setShown(true)}>Show {count(dead)} to send again</Button> : "calls, none to send again"} />
        <Figure name="Dropped" value={count(data.dropped)} of={null} note="calls that had no room" />
        <Figure name="Tried last" of={null} value={<Instant at={data.last_attempt_at} />} note={data.last_error ?? "no error"} />
      </SimpleGrid>
      {isShown && <DeadLetters id={id} letters={data.dead_letters} onClose={() => setShown(false)} />}
    </>
  );
}
