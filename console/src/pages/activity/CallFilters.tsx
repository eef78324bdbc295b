// The filters of the list of calls.
import { Button, Group, Indicator, Popover, SimpleGrid, TextInput } from "@mantine/core";
import { IconAdjustmentsHorizontal } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { keys, models, providers } from "~/api/queries";
import { type Choice, FilterBar, FilterChip, FilterNumber, FilterSelect, FilterText, SearchField } from "~/parts/Filters";
import type { ActivitySearch } from "~/router";
import { type Change, chipsOf, fromField, toField } from "./filters";

const SPANS: Choice[] = [
  { value: "3600", label: "Last hour" }, { value: "86400", label: "Last day" },
  { value: "604800", label: "Last week" }, { value: "2592000", label: "Last 30 days" },
];
const OUTCOMES: Choice[] = [
  { value: "completed", label: "Delivered" }, { value: "failed", label: "Failed" }, { value: "cancelled", label: "Cancelled" },
];

type Props = { search: ActivitySearch; change: Change };

export function CallFilters({ search, change }: Props) {
  const allKeys = useQuery(keys);
  const keyChoices = (allKeys.data ?? []).map((key) => ({ value: key.hash, label: key.name }));
  const chips = chipsOf(search);
  return (
    <>
      <FilterBar>
        <SearchField label="Search calls" placeholder="Id, session, model, provider, app, user…" value={search.q} onChange={(q) => change({ q })} />
        <FilterSelect label="Time" placeholder="Any time" width={140} data={SPANS} value={search.span === undefined ? undefined : String(search.span)} onChange={(span) => change({ span: span ? Number(span) : undefined, from: undefined, to: undefined })} />
        <FilterSelect label="Outcome" placeholder="Any outcome" width={150} data={OUTCOMES} value={search.outcome} onChange={(outcome) => change({ outcome })} />
        <FilterSelect label="Key" placeholder="Any key" width={170} searchable data={keyChoices} value={search.key} onChange={(key) => change({ key })} />
        <More search={search} change={change} inForce={chips.length} />
      </FilterBar>
      {chips.length > 0 && (
        <Group gap={6} mt="xs">
          {chips.map(({ field, name, value }) => <FilterChip key={field} name={name} value={value} onRemove={() => change({ [field]: undefined })} />)}
          <Button size="compact-sm" variant="subtle" color="gray" onClick={() => change(Object.fromEntries(chips.map(({ field }) => [field, undefined])))}>Clear these</Button>
        </Group>
      )}
    </>
  );
}

function More({ search, change, inForce }: Props & { inForce: number }) {
  return (
    <Popover shadow="md" position="bottom-end" width={440} trapFocus withinPortal>
      <Indicator disabled={inForce === 0} label={inForce} size={17} color="carbon">
        <Popover.Target><Button variant="default" leftSection={<IconAdjustmentsHorizontal size={16} />}>More filters</Button></Popover.Target>
      </Indicator>
      <Popover.Dropdown maw="94vw"><Fields search={search} change={change} /></Popover.Dropdown>
    </Popover>
  );
}

function Fields({ search, change }: Props) {
  const known = useQuery(models("usable"));
  const served = useQuery(providers);
  const modelChoices = (known.data ?? []).map(({ id }) => ({ value: id, label: id }));
  const providerChoices = (served.data ?? []).filter((one) => one.is_usable || one.slug === search.provider).map(({ slug, name }) => ({ value: slug, label: name }));
  return (
    <SimpleGrid cols={2} spacing="sm" verticalSpacing="xs">
      <TextInput type="datetime-local" label="From" value={toField(search.from)} onChange={(event) => change({ from: fromField(event.currentTarget.value), span: undefined })} />
      <TextInput type="datetime-local" label="Until" value={toField(search.to)} onChange={(event) => change({ to: fromField(event.currentTarget.value) })} />
      <FilterSelect named label="Model" placeholder="Any" searchable data={modelChoices} value={search.model} onChange={(model) => change({ model })} />
      <FilterSelect named label="Provider" placeholder="Any" searchable data={providerChoices} value={search.provider} onChange={(provider) => change({ provider })} />
      <FilterText label="Endpoint" placeholder="Its tag, such as openai/flex" value={search.endpoint} onChange={(endpoint) => change({ endpoint })} />
      <FilterText label="Status" placeholder="429, 503" value={search.status} onChange={(status) => change({ status })} />
      <FilterText label="App" placeholder="Its title or address" value={search.app} onChange={(app) => change({ app })} />
      <FilterText label="Session" placeholder="Its id" value={search.session} onChange={(session) => change({ session })} />
      <FilterText label="End user" placeholder="As in the field user" value={search.user} onChange={(user) => change({ user })} />
      <FilterText label="Referer" placeholder="https://app.example" value={search.origin} onChange={(origin) => change({ origin })} />
      <FilterNumber label="Cost from, USD" placeholder="0.01" prefix="$" value={search.cost} onChange={(cost) => change({ cost })} />
      <FilterNumber label="Took from, ms" placeholder="1000" unit="ms" value={search.latency} onChange={(latency) => change({ latency })} />
    </SimpleGrid>
  );
}
