// Credentials of workspaces' own: presented before the house's for their calls, which cost nothing here.
import { ActionIcon, Badge, Box, Button, Group, Menu, Paper, Switch, Text, Title } from "@mantine/core";
import { IconDots } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, told, type Schemas } from "~/api/client";
import { byok, workspaces } from "~/api/queries";
import { Confirm } from "~/parts/confirm";
import { Instant } from "~/parts/Figures";
import { lazily } from "~/parts/lazily";
import { notify } from "~/parts/notices";
import { Empty, Failure, Waiting } from "~/parts/States";
import { Scroll, Table } from "~/parts/Table";
import { useRefresh } from "./refresh";
import type { Purpose } from "./WorkspaceCredentialForm";

const WorkspaceCredentialForm = lazily(async () => (await import("./WorkspaceCredentialForm")).WorkspaceCredentialForm);

type Credential = Schemas["ByokKey"];

const titles = ["Provider", "Credential", "Whose", "Turn", "Used", "State", ""];

export function WorkspaceCredentials() {
  const found = useQuery(byok);
  const [open, setOpen] = useState<Purpose>();
  return (
    <Paper className="sheet">
      <Group justify="space-between" px="md" py="sm">
        <Box>
          <Title order={2}>Workspaces' own</Title>
          <Text size="sm" c="dimmed">Presented first for a workspace's calls, which cost nothing here and are counted apart.</Text>
        </Box>
        <Button variant="default" onClick={() => setOpen({ kind: "add" })}>Add a workspace's own</Button>
      </Group>
      {found.isPending && <Waiting rows={2} />}
      {found.isError && <Box p="md"><Failure error={found.error} retry={() => void found.refetch()} /></Box>}
      {found.data?.length === 0 && (
        <Empty title="No workspace brings its own">Add one where a team pays a provider itself: its calls go there first, and to the house's credential when that is refused.</Empty>
      )}
      {(found.data?.length ?? 0) > 0 && (
        <Scroll minWidth={820}>
          <Table highlightOnHover>
            <Table.Thead>
              <Table.Tr>{titles.map((title) => <Table.Th key={title} fz="xs" fw={500} c="dimmed">{title || <span className="visually-hidden">Actions</span>}</Table.Th>)}</Table.Tr>
            </Table.Thead>
            <Table.Tbody>{found.data?.map((one) => <Row key={one.id} one={one} onOpen={(kind) => setOpen({ kind, one })} />)}</Table.Tbody>
          </Table>
        </Scroll>
      )}
      {open && <WorkspaceCredentialForm purpose={open} onClose={() => setOpen(undefined)} />}
    </Paper>
  );
}

function Row({ one, onOpen }: { one: Credential; onOpen: (kind: "change" | "replace") => void }) {
  const refresh = useRefresh();
  const houses = useQuery(workspaces);
  const path = { params: { path: { id: one.id } } };
  const name = one.name ?? one.label;
  const owner = houses.data?.find((workspace) => workspace.id === one.workspace_id)?.name ?? one.workspace_id ?? "The house";
  const check = useMutation({ mutationFn: async () => (await told(api.POST("/byok/{id}/check", path))).data });
  const change = useMutation({
    mutationFn: (body: { disabled?: boolean; is_fallback?: boolean }) => told(api.PATCH("/byok/{id}", { ...path, body })),
    onSuccess: refresh,
  });
  return (
    <Table.Tr>
      <Table.Td className="mono">{one.provider}</Table.Td>
      <Table.Td><Text size="sm" fw={500}>{one.name ?? "–"}</Text><Text size="xs" c="dimmed" className="mono">{one.label}</Text></Table.Td>
      <Table.Td><Text size="sm">{owner}</Text><Text size="xs" c="dimmed">added <Instant at={one.created_at} /></Text></Table.Td>
      <Table.Td fz="sm">{one.is_fallback ? "last" : "first"}<Narrowed one={one} /></Table.Td>
      <Table.Td>
        <Switch
          checked={!one.disabled} disabled={change.isPending} aria-label={`Use ${name} of ${one.provider}`}
          onChange={(event) => change.mutate({ disabled: !event.currentTarget.checked })}
        />
      </Table.Td>
      <Table.Td>
        <Group gap="xs">
          {check.data && <Badge color={check.data.ok ? "leaf" : "stamp"} tt="none" style={{ height: "auto" }} styles={{ label: { whiteSpace: "normal" } }}>{check.data.message}</Badge>}
          {(check.error ?? change.error) && <Text size="sm" c="var(--bad)">{(check.error ?? change.error)?.message}</Text>}
          <Button size="compact-sm" variant="default" loading={check.isPending} onClick={() => check.mutate()} aria-label={`Check ${name} of ${one.provider}`}>Check</Button>
        </Group>
      </Table.Td>
      <Table.Td w={48}>
        <Confirm
          title={`Delete ${name}?`} verb="Delete it"
          act={async () => { await told(api.DELETE("/byok/{id}", path)); await refresh(); void notify({ title: "The credential is deleted" }); }}
          trigger={(ask) => (
            <Menu shadow="md" position="bottom-end">
              <Menu.Target><ActionIcon aria-label={`Actions for ${name} of ${one.provider}`}><IconDots size={17} /></ActionIcon></Menu.Target>
              <Menu.Dropdown>
                <Menu.Item onClick={() => onOpen("change")}>Change its name and its calls</Menu.Item>
                <Menu.Item onClick={() => onOpen("replace")}>Replace its key</Menu.Item>
                <Menu.Item onClick={() => change.mutate({ is_fallback: !one.is_fallback })}>{one.is_fallback ? "Present it first" : "Present it last"}</Menu.Item>
                <Menu.Item color="stamp" onClick={ask}>Delete</Menu.Item>
              </Menu.Dropdown>
            </Menu>
          )}
        >
          Its key is wiped from the database at once. Calls of its workspace go on with the house's credential, where there is one.
        </Confirm>
      </Table.Td>
    </Table.Tr>
  );
}

/** Of which calls it is presented for, where not of all. */
function Narrowed({ one }: { one: Credential }) {
  const parts = ([["model", one.allowed_models], ["key", one.allowed_api_key_hashes], ["member", one.allowed_user_ids]] as const)
    .flatMap(([name, list]) => (list ? [`${list.length} ${name}${list.length === 1 ? "" : "s"}`] : []));
  if (parts.length === 0) return null;
  return <Text size="xs" c="dimmed" title={one.allowed_models?.join(", ")}>only {parts.join(", ")}</Text>;
}
