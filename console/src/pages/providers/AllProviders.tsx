// Every provider of the catalog: whether it can be called, and what it does with prompts.
import { Badge, Box, Button, Group, Paper, Switch, Text, TextInput, Title } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { type Provider, providers } from "~/api/queries";
import { DataPolicy } from "~/parts/DataPolicy";
import { type Column, Sheet } from "~/parts/Sheet";
import { Empty, Failure, Waiting } from "~/parts/States";
import type { Opener } from "./open";

export function AllProviders({ onOpen }: Opener) {
  const found = useQuery(providers);
  const [search, setSearch] = useState("");
  const [isUsable, setUsable] = useState(false);
  const [isZdr, setZdr] = useState(false);
  const shown = useMemo(() => {
    const words = search.toLowerCase();
    return (found.data ?? []).filter((provider) => (!isUsable || provider.is_usable) && (!isZdr || provider.data_policy?.zdr) && `${provider.name} ${provider.slug}`.toLowerCase().includes(words));
  }, [found.data, search, isUsable, isZdr]);
  return (
    <Paper className="sheet">
      <Group justify="space-between" px="md" py="sm">
        <Title order={2}>Every provider of the catalog</Title>
        <Group gap="sm">
          <Switch label="Callable only" checked={isUsable} onChange={(event) => setUsable(event.currentTarget.checked)} />
          <Switch label="Keeps nothing" checked={isZdr} onChange={(event) => setZdr(event.currentTarget.checked)} />
          <TextInput aria-label="Search providers" placeholder="Name or slug" leftSection={<IconSearch size={15} />} value={search} onChange={(event) => setSearch(event.currentTarget.value)} w={210} />
        </Group>
      </Group>
      {found.isPending && <Waiting />}
      {found.isError && <Box p="md"><Failure error={found.error} retry={() => void found.refetch()} /></Box>}
      {found.data && shown.length === 0 && <Empty title="No provider has this name">Add your own server, if it is one.</Empty>}
      {shown.length > 0 && <Sheet label="Providers" rows={shown} rowKey={(provider) => provider.slug} rowHeight={40} height="calc(100dvh - 330px)" columns={columns(onOpen)} />}
    </Paper>
  );
}

const link = (name: string, url: string | null | undefined) =>
  url ? <a className="link" href={url} target="_blank" rel="noopener noreferrer">{name}</a> : null;

const columns = (onOpen: Opener["onOpen"]): Column<Provider>[] => [
  { key: "name", title: "Provider", width: "minmax(200px, 1.4fr)", cell: (provider) => <><Text span fw={500} size="sm">{provider.name}</Text> <span className="mono quiet">{provider.slug}</span></> },
  { key: "state", title: "State", width: "130px", cell: (provider) => provider.is_usable ? <Badge color="leaf">callable</Badge> : <Badge color="gray">no credential</Badge> },
  { key: "seat", title: "Seat", width: "62px", cell: (provider) => provider.headquarters ?? "–" },
  { key: "data", title: "What it does with prompts", width: "minmax(240px, 1.2fr)", cell: (provider) => <DataPolicy policy={provider.data_policy} isOneLine /> },
  {
    key: "links", title: "Its own words", width: "minmax(190px, 1fr)",
    cell: (provider) => <Group gap={10} wrap="nowrap">{link("Privacy", provider.privacy_policy_url)}{link("Terms", provider.terms_of_service_url)}{link("Status", provider.status_page_url)}</Group>,
  },
  {
    key: "act", title: <span className="visually-hidden">Actions</span>, width: "130px", align: "right",
    cell: (provider) => provider.is_usable ? null : <Button size="compact-xs" variant="default" onClick={() => onOpen({ kind: "credential", provider: provider.slug })} aria-label={`Add credential for ${provider.name}`}>Add credential</Button>,
  },
];
