// What the house presents to providers: masked, checked live, replaced and removed.
import { ActionIcon, Badge, Box, Button, Group, Menu, Paper, Text, Title } from "@mantine/core";
import { IconDots, IconPlugConnected } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { api, told, type Schemas } from "~/api/client";
import { credentials } from "~/api/queries";
import { Confirm } from "~/parts/confirm";
import { notify } from "~/parts/notices";
import { Empty, Failure, Waiting } from "~/parts/States";
import { Scroll, Table } from "~/parts/Table";
import type { Opener } from "./open";
import { useRefresh } from "./refresh";

type Credential = Schemas["ProviderCredential"];

const sources = { configuration: "configuration", added: "added here", environment: "environment" } as const;

export function Credentials({ onOpen }: Opener) {
  const found = useQuery(credentials);
  return (
    <Paper className="sheet">
      <Title order={2} px="md" py="sm">Credentials</Title>
      {found.isPending && <Waiting rows={3} />}
      {found.isError && <Box p="md"><Failure error={found.error} retry={() => void found.refetch()} /></Box>}
      {found.data?.length === 0 && (
        <Empty title="No credential yet" icon={<IconPlugConnected size={30} stroke={1.4} />} action={<Button onClick={() => onOpen({ kind: "credential" })}>Add a credential</Button>}>
          Take the key from your provider's own site. It is checked before it is kept.
        </Empty>
      )}
      {(found.data?.length ?? 0) > 0 && (
        <Scroll minWidth={640}>
          <Table highlightOnHover>
            <Table.Thead>
              <Table.Tr>{["Provider", "Credential", "From", "State", ""].map((title) => <Table.Th key={title} fz="xs" fw={500} c="dimmed">{title || <span className="visually-hidden">Actions</span>}</Table.Th>)}</Table.Tr>
            </Table.Thead>
            <Table.Tbody>{found.data?.map((one) => <Row key={one.provider} one={one} onOpen={onOpen} />)}</Table.Tbody>
          </Table>
        </Scroll>
      )}
    </Paper>
  );
}

function Row({ one, onOpen }: { one: Credential } & Opener) {
  const refresh = useRefresh();
  const path = { params: { path: { provider: one.provider } } };
  const check = useMutation({ mutationFn: async () => (await told(api.POST("/credentials/{provider}/check", { ...path, body: {} }))).data });
  return (
    <Table.Tr>
      <Table.Td><Text fw={500} size="sm">{one.provider_name}</Text><Text size="xs" c="dimmed" className="mono">{one.provider}</Text></Table.Td>
      <Table.Td className="mono">{one.label}</Table.Td>
      <Table.Td fz="sm">{sources[one.source]}</Table.Td>
      <Table.Td>
        <Group gap="xs">
          {one.trouble ? <Badge color="stamp">{one.trouble}</Badge> : check.data ? <Badge color={check.data.is_well ? "leaf" : "stamp"}>{check.data.message}</Badge> : <Badge color="gray">in use</Badge>}
          {check.isError && <Text size="sm" c="var(--bad)">{check.error.message}</Text>}
          <Button size="compact-sm" variant="default" loading={check.isPending} onClick={() => check.mutate()} aria-label={`Check ${one.provider_name}`}>Check</Button>
        </Group>
      </Table.Td>
      <Table.Td w={48}>
        {one.source !== "configuration" && (
          <Confirm
            title={`Remove the credential of ${one.provider_name}?`} verb="Remove it"
            act={async () => { await told(api.DELETE("/credentials/{provider}", path)); await refresh(); void notify({ title: "The credential is removed" }); }}
            trigger={(ask) => (
              <Menu shadow="md" position="bottom-end">
                <Menu.Target><ActionIcon aria-label={`Actions for ${one.provider_name}`}><IconDots size={17} /></ActionIcon></Menu.Target>
                <Menu.Dropdown>
                  <Menu.Item onClick={() => onOpen({ kind: "credential", provider: one.provider })}>Replace</Menu.Item>
                  {one.source === "added" && <Menu.Item color="stamp" onClick={ask}>Remove</Menu.Item>}
                </Menu.Dropdown>
              </Menu>
            )}
          >
            Its models can no longer be called through it, unless the environment of the server has another one.
          </Confirm>
        )}
      </Table.Td>
    </Table.Tr>
  );
}
