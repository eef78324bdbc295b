// What was spent, by day and model, and every entry of the books; both to export.
import { Tabs, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { keys } from "~/api/queries";
import { FilterBar, FilterSelect } from "~/parts/Filters";
import { Page } from "~/parts/Page";
import type { LedgerSearch } from "~/router";
import { Entries } from "./Entries";
import { Statement } from "./Statement";

const route = getRouteApi("/house/ledger");

export default function Ledger() {
  const search = route.useSearch();
  const navigate = useNavigate({ from: "/ledger" });
  const change = (part: Partial<LedgerSearch>) => void navigate({ search: (before: LedgerSearch) => ({ ...before, ...part }), replace: true });
  const allKeys = useQuery(keys);
  const keyChoices = (allKeys.data ?? []).map((key) => ({ value: key.hash, label: key.name }));
  const days = { from: search.from, to: search.to };
  return (
    <Page title="Ledger" about="Exact to the nano-dollar. Entries are never changed; a mistake is mended by another entry.">
      <FilterBar>
        <TextInput type="date" label="From (UTC)" value={search.from ?? ""} onChange={(event) => change({ from: event.currentTarget.value || undefined })} />
        <TextInput type="date" label="To (UTC)" value={search.to ?? ""} onChange={(event) => change({ to: event.currentTarget.value || undefined })} />
        {search.view !== "entries" && <FilterSelect named label="Key" placeholder="All keys" searchable width={200} data={keyChoices} value={search.key} onChange={(key) => change({ key })} />}
      </FilterBar>
      <Tabs mt="md" value={search.view ?? "statement"} onChange={(view) => change({ view: view === "entries" ? "entries" : undefined })} keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="statement">Statement</Tabs.Tab>
          <Tabs.Tab value="entries">Entries</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="statement"><Statement query={{ ...days, key_hash: search.key }} /></Tabs.Panel>
        <Tabs.Panel value="entries"><Entries query={days} /></Tabs.Panel>
      </Tabs>
    </Page>
  );
}
