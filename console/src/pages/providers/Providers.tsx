// Who serves: credentials shown masked and checked live, providers of one's own, and the whole list.
import { ActionIcon, Badge, Box, Button, Group, Menu, Paper, Stack, Switch, Table, Text, TextInput, Title } from "@mantine/core";
import { IconDots, IconPlugConnected, IconPlus, IconSearch, IconServer } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { api, told, type Schemas } from "~/api/client";
import { credentials, ownProviders, type Provider, providers } from "~/api/queries";
import { Confirm } from "~/parts/confirm";
import { notify } from "~/parts/notices";
import { Page } from "~/parts/Page";
import { type Column, Sheet } from "~/parts/Sheet";
import { Empty, Failure, Waiting } from "~/parts/States";
import { CredentialForm } from "./CredentialForm";
import { OwnProviderForm } from "./OwnProviderForm";
import { useRefresh } from "./refresh";
import { WorkspaceCredentials } from "./WorkspaceCredentials";

type Credential = Schemas["ProviderCredential"];
type Open = { kind: "credential"; provider?: string } | { kind: "own" };

export default function Providers() {
  const [open, setOpen] = useState<Open>();
  return (
    <Page
      title="Providers" about="A provider can be called as soon as it has a credential. Credentials are sealed in the database; nobody can read them back."
      actions={
        <>
          <Button variant="default" leftSection={<IconServer size={16} />} onClick={() => setOpen({ kind: "own" })}>Add your own server</Button>
          <Button leftSection={<IconPlus size={16} />} onClick={() => setOpen({ kind: "credential" })}>Add a credential</Button>
        </>
      }
    >
      <Stack gap="lg">
        <Credentials onOpen={setOpen} />
        <WorkspaceCredentials />
        <Own onOpen={setOpen} />
        <All onOpen={setOpen} />
      </Stack>
      {open?.kind === "credential" && <CredentialForm provider={open.provider} onClose={() => setOpen(undefined)} />}
      {open?.kind === "own" && <OwnProviderForm onClose={() => setOpen(undefined)} />}
    </Page>
  );
}

type Opener = { onOpen: (open: Open) => void };

const sources = { configuration: "configuration", added: "added here", environment: "environment" } as const;

function Credentials({ onOpen }: Opener) {
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
        <Table.ScrollContainer minWidth={640}>
          <Table highlightOnHover>
            <Table.Thead>
              <Table.Tr>{["Provider", "Credential", "From", "State", ""].map((title) => <Table.Th key={title} fz="xs" fw={500} c="dimmed">{title || <span className="visually-hidden">Actions</span>}</Table.Th>)}</Table.Tr>
            </Table.Thead>
            <Table.Tbody>{found.data?.map((one) => <Row key={one.provider} one={one} onOpen={onOpen} />)}</Table.Tbody>
          </Table>
        </Table.ScrollContainer>
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

function Own({ onOpen }: Opener) {
  const refresh = useRefresh();
  const found = useQuery(ownProviders);
  return (
    <Paper className="sheet">
      <Title order={2} px="md" py="sm">Your own servers</Title>
      {found.isError && <Box p="md"><Failure error={found.error} /></Box>}
      {found.data?.length === 0 && (
        <Empty title="None yet" action={<Button variant="default" onClick={() => onOpen({ kind: "own" })}>Add your own server</Button>}>
          vLLM, Ollama, llama.cpp, LM Studio: anything that speaks OpenAI's chat dialect, in three fields.
        </Empty>
      )}
      {(found.data?.length ?? 0) > 0 && (
        <Table.ScrollContainer minWidth={560}>
          <Table>
            <Table.Thead>
              <Table.Tr>{["Name", "Base URL", "Models", ""].map((title) => <Table.Th key={title} fz="xs" fw={500} c="dimmed">{title || <span className="visually-hidden">Actions</span>}</Table.Th>)}</Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {found.data?.map((own) => (
                <Table.Tr key={own.slug}>
                  <Table.Td><Text fw={500} size="sm">{own.name}</Text><Text size="xs" c="dimmed" className="mono">{own.slug}</Text></Table.Td>
                  <Table.Td className="mono">{own.base_url}</Table.Td>
                  <Table.Td><Text size="sm" className="mono" lineClamp={2}>{own.models.join(", ")}</Text></Table.Td>
                  <Table.Td ta="right">
                    <Confirm
                      title={`Remove ${own.name}?`} verb="Remove it"
                      act={async () => { await told(api.DELETE("/providers/own/{slug}", { params: { path: { slug: own.slug } } })); await refresh(); }}
                      trigger={(ask) => <Button size="compact-sm" variant="default" onClick={ask}>Remove</Button>}
                    >
                      Its models can no longer be called. What was recorded of their calls stays.
                    </Confirm>
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Paper>
  );
}

function All({ onOpen }: Opener) {
  const found = useQuery(providers);
  const [search, setSearch] = useState("");
  const [isUsable, setUsable] = useState(false);
  const shown = useMemo(() => {
    const words = search.toLowerCase();
    return (found.data ?? []).filter((provider) => (!isUsable || provider.is_usable) && `${provider.name} ${provider.slug}`.toLowerCase().includes(words));
  }, [found.data, search, isUsable]);
  return (
    <Paper className="sheet">
      <Group justify="space-between" px="md" py="sm">
        <Title order={2}>Every provider of the catalog</Title>
        <Group gap="sm">
          <Switch label="Callable only" checked={isUsable} onChange={(event) => setUsable(event.currentTarget.checked)} />
          <TextInput aria-label="Search providers" placeholder="Name or slug" leftSection={<IconSearch size={15} />} value={search} onChange={(event) => setSearch(event.currentTarget.value)} w={210} />
        </Group>
      </Group>
      {found.isPending && <Waiting />}
      {found.isError && <Box p="md"><Failure error={found.error} retry={() => void found.refetch()} /></Box>}
      {found.data && shown.length === 0 && <Empty title="No provider has this name">Add your own server above.</Empty>}
      {shown.length > 0 && <Sheet label="Providers" rows={shown} rowKey={(provider) => provider.slug} rowHeight={40} height="440px" columns={columns(onOpen)} />}
    </Paper>
  );
}

const link = (name: string, url: string | null | undefined) =>
  url ? <a className="link" href={url} target="_blank" rel="noopener noreferrer">{name}</a> : null;

const columns = (onOpen: Opener["onOpen"]): Column<Provider>[] => [
  { key: "name", title: "Provider", width: "minmax(200px, 1.4fr)", cell: (provider) => <><Text span fw={500} size="sm">{provider.name}</Text> <span className="mono quiet">{provider.slug}</span></> },
  { key: "state", title: "State", width: "130px", cell: (provider) => provider.is_usable ? <Badge color="leaf">callable</Badge> : <Badge color="gray">no credential</Badge> },
  { key: "seat", title: "Seat", width: "80px", cell: (provider) => provider.headquarters ?? "–" },
  {
    key: "links", title: "Its own words", width: "minmax(190px, 1fr)",
    cell: (provider) => <Group gap={10} wrap="nowrap">{link("Privacy", provider.privacy_policy_url)}{link("Terms", provider.terms_of_service_url)}{link("Status", provider.status_page_url)}</Group>,
  },
  {
    key: "act", title: <span className="visually-hidden">Actions</span>, width: "130px", align: "right",
    cell: (provider) => provider.is_usable ? null : <Button size="compact-xs" variant="default" onClick={() => onOpen({ kind: "credential", provider: provider.slug })} aria-label={`Add credential for ${provider.name}`}>Add credential</Button>,
  },
];
