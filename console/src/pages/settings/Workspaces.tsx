// What each workspace keeps of its calls' content, and what it does with calls that have no price.
import { Badge, Button, Group, Paper, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Schemas } from "~/api/client";
import { workspaces } from "~/api/queries";
import { percent } from "~/parts/format";
import { lazily } from "~/parts/lazily";
import { Failure, Waiting } from "~/parts/States";
import { Scroll, Table } from "~/parts/Table";

const WorkspaceForm = lazily(async () => (await import("./WorkspaceForm")).WorkspaceForm);

type Workspace = Schemas["Workspace"];

export function Workspaces() {
  const found = useQuery(workspaces);
  const [open, setOpen] = useState<Workspace>();
  return (
    <Paper className="sheet" p="lg" component="section" aria-label="Workspaces">
      <Title order={2}>Workspaces</Title>
      <Text c="dimmed" mb="sm">Whether requests and answers are kept, for how long, and what happens to calls of which nobody states a price.</Text>
      {found.isPending && <Waiting rows={2} />}
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {found.data && (
        <Scroll minWidth={600}>
          <Table>
            <Table.Thead><Table.Tr>{["Workspace", "Content of calls", "Calls without a price", ""].map((title) => <Table.Th key={title} fz="xs" c="dimmed" fw={500}>{title || <span className="visually-hidden">Actions</span>}</Table.Th>)}</Table.Tr></Table.Thead>
            <Table.Tbody>
              {found.data.map((one) => (
                <Table.Tr key={one.id}>
                  <Table.Td><Text size="sm" fw={500}>{one.name}</Text><Text size="xs" c="dimmed" className="mono">{one.slug}</Text></Table.Td>
                  <Table.Td><Kept one={one} /></Table.Td>
                  <Table.Td fz="sm" data-bottom>{unpricedWords(one.unpriced)}</Table.Td>
                  <Table.Td ta="right"><Button size="compact-sm" variant="default" onClick={() => setOpen(one)} aria-label={`Change ${one.name}`}>Change</Button></Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Scroll>
      )}
      {open && <WorkspaceForm one={open} onClose={() => setOpen(undefined)} />}
    </Paper>
  );
}

function Kept({ one }: { one: Workspace }) {
  const silent = !one.is_observability_broadcast_enabled && <Badge color="amber">destinations silent</Badge>;
  if (!one.is_observability_io_logging_enabled) return <Group gap={6}><Badge color="gray">not kept</Badge>{silent}</Group>;
  const share = one.io_logging_sampling_rate < 1 ? `, ${percent(one.io_logging_sampling_rate, 2)} of sessions` : "";
  return <Group gap={6}><Badge color="carbon">kept</Badge><Text size="sm" data-bottom>for {one.io_logging_retention_days} days{share}</Text>{silent}</Group>;
}

function unpricedWords(policy: Workspace["unpriced"]): string {
  if (policy === null) return "as the configuration says";
  if (policy === "allow") return "allowed, with no cost";
  return policy === "deny" ? "refused" : `charged $${policy.input} in, $${policy.output} out per M tokens`;
}
