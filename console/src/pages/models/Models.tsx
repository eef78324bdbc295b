// The catalog: browse, filter, sort, and choose models to compare.
import { Box, Button, Checkbox, MultiSelect, Paper, SegmentedControl, Text, VisuallyHidden } from "@mantine/core";
import { IconColumns3 } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { type Model, models } from "~/api/queries";
import { type Choice, FilterBar, FilterSelect, SearchField } from "~/parts/Filters";
import { context, perMillion } from "~/parts/format";
import { lazily, useOnce } from "~/parts/lazily";
import { LinkButton } from "~/parts/links";
import { Page } from "~/parts/Page";
import { type Column, Sheet } from "~/parts/Sheet";
import { Empty, Failure, Waiting } from "~/parts/States";
import type { ModelsSearch } from "~/router";
import { Abilities } from "./Abilities";
import { abilities, filtered, inputs, listOf } from "./filter";

const Compare = lazily(async () => (await import("./Compare")).Compare);

const route = getRouteApi("/house/models");

const PRICES: Choice[] = [
  { value: "0", label: "Free" }, { value: "0.1", label: "Up to $0.10 / M" }, { value: "1", label: "Up to $1 / M" }, { value: "5", label: "Up to $5 / M" },
];
const CONTEXTS: Choice[] = [
  { value: "32000", label: "32K or more" }, { value: "128000", label: "128K or more" }, { value: "200000", label: "200K or more" }, { value: "1000000", label: "1M or more" },
];
const COMPARED_MAX = 4;

export default function Models() {
  const search = route.useSearch();
  const navigate = useNavigate({ from: "/models" });
  const change = (part: Partial<ModelsSearch>) =>
    void navigate({ search: (before: ModelsSearch) => ({ ...before, ...part }), replace: true });
  const found = useQuery(models(search.scope ?? "usable"));
  const shown = useMemo(() => filtered(found.data ?? [], search), [found.data, search]);
  const compared = listOf(search.compare);
  const choose = (id: string) => {
    const next = compared.includes(id) ? compared.filter((other) => other !== id) : [...compared, id];
    change({ compare: next.slice(-COMPARED_MAX).join(",") || undefined });
  };
  const [isComparing, setComparing] = useState(false);
  const hasCompared = useOnce(isComparing);
  return (
    <Page
      title="Models" about="Who can be asked, what it costs and what it can do. Prices are USD per million tokens, from the cheapest endpoint."
      actions={
        <Button
          variant="default" title={compared.length > 1 ? undefined : `Tick two to ${COMPARED_MAX} models first`} leftSection={<IconColumns3 size={16} />} disabled={compared.length < 2}
          onClick={() => setComparing(true)}
        >
          Compare{compared.length > 0 && ` ${compared.length}`}
        </Button>
      }
    >
      <Filters search={search} change={change} />
      <Text size="sm" c="dimmed" my="xs" aria-live="polite">
        {found.data && `${shown.length.toLocaleString("en-US")} of ${found.data.length.toLocaleString("en-US")} models`}
      </Text>
      <Paper className="sheet" data-bottom>
        {found.isPending && <Waiting />}
        {found.isError && <Box p="md"><Failure error={found.error} retry={() => void found.refetch()} /></Box>}
        {found.data && shown.length === 0 && (
          <Empty
            title={found.data.length === 0 ? "No model can be called yet" : "No model fits these filters"}
            action={found.data.length > 0
              ? <Button variant="default" onClick={() => void navigate({ search: { scope: search.scope } })}>Clear the filters</Button>
              : <LinkButton to="/providers">Add a credential</LinkButton>}
          >
            {found.data.length === 0 ? "A model can be called as soon as one of its providers has a credential." : "Take one away, or look in the whole catalog."}
          </Empty>
        )}
        {shown.length > 0 && (
          <Sheet
            label="Models" rows={shown} rowKey={(model) => model.id} rowHeight={50}
            columns={columns(compared, choose)}
            sorting={{ key: search.by ?? "name", descending: search.by !== undefined && search.by !== "name" && search.up !== true }}
            onSort={({ key, descending }) => change({ by: key === "name" ? undefined : key, up: descending ? undefined : true })}
            isChosen={(model) => compared.includes(model.id)}
            onOpen={(model) => {
              const [author = "", slug = ""] = model.id.split("/");
              void navigate({ to: "/models/$author/$slug", params: { author, slug } });
            }}
          />
        )}
      </Paper>
      {hasCompared && (
        <Compare
          opened={isComparing} onClose={() => setComparing(false)}
          models={compared.map((id) => found.data?.find((model) => model.id === id)).filter((model) => model !== undefined)}
        />
      )}
    </Page>
  );
}

type FiltersProps = { search: ModelsSearch; change: (part: Partial<ModelsSearch>) => void };

function Filters({ search, change }: FiltersProps) {
  const text = (value: number | undefined) => (value === undefined ? undefined : String(value));
  const number = (value: string | undefined) => (value === undefined ? undefined : Number(value));
  return (
    <FilterBar>
      <SearchField label="Search models" placeholder="Name, author or slug" width={220} value={search.q} onChange={(q) => change({ q })} />
      <SegmentedControl
        aria-label="Which models" value={search.scope ?? "usable"} data={[{ value: "usable", label: "Callable here" }, { value: "all", label: "Whole catalog" }]}
        onChange={(scope) => change({ scope: scope === "all" ? "all" : undefined })}
      />
      <Several label="Can" data={abilities} value={search.can} width={150} onChange={(can) => change({ can })} />
      <Several label="Takes" data={[...inputs]} value={search.takes} width={135} onChange={(takes) => change({ takes })} />
      <FilterSelect label="Input price" placeholder="Any price" width={140} data={PRICES} value={text(search.price)} onChange={(price) => change({ price: number(price) })} />
      <FilterSelect label="Context" placeholder="Any context" width={145} data={CONTEXTS} value={text(search.context)} onChange={(context) => change({ context: number(context) })} />
    </FilterBar>
  );
}

type SeveralProps = { label: string; data: (string | Choice)[]; value: string | undefined; width: number; onChange: (value: string | undefined) => void };

/** Any number of choices, in the address with commas. */
function Several({ label, data, value, width, onChange }: SeveralProps) {
  return (
    <MultiSelect
      aria-label={label} placeholder={value ? undefined : `${label}…`} data={data} value={listOf(value)} clearable w={width}
      onChange={(values) => onChange(values.join(",") || undefined)}
    />
  );
}

function columns(compared: string[], choose: (id: string) => void): Column<Model>[] {
  return [
    {
      key: "compare", title: <VisuallyHidden>Compare</VisuallyHidden>, width: "40px",
      cell: (model) => (
        <Checkbox size="xs" aria-label={`Compare ${model.name}`} checked={compared.includes(model.id)} onChange={() => choose(model.id)} />
      ),
    },
    {
      key: "name", title: "Model", width: "minmax(250px, 2.4fr)", sorts: true,
      cell: (model) => {
        const [author = "", slug = ""] = model.id.split("/");
        return (
          <>
            <Link className="link" to="/models/$author/$slug" params={{ author, slug }}><Text span fw={500} size="md">{model.name}</Text></Link>
            <Text size="xs" c="dimmed" className="mono" truncate>{model.id}</Text>
          </>
        );
      },
    },
    { key: "context", title: "Context, tokens", width: "126px", align: "right", sorts: true, cell: (model) => context(model.context_length) },
    { key: "input", title: "Input $/M", width: "104px", align: "right", sorts: true, cell: (model) => perMillion(model.pricing.prompt) },
    { key: "output", title: "Output $/M", width: "104px", align: "right", sorts: true, cell: (model) => perMillion(model.pricing.completion) },
    { key: "cached", title: "Cached $/M", width: "104px", align: "right", cell: (model) => perMillion(model.pricing.input_cache_read) },
    { key: "abilities", title: "Takes and can", width: "minmax(170px, 1fr)", cell: (model) => <Abilities model={model} /> },
    {
      key: "created", title: "Released", width: "100px", align: "right", sorts: true,
      cell: (model) => model.created ? new Date(model.created * 1000).toLocaleDateString("en-GB", { month: "short", year: "numeric" }) : "–",
    },
  ];
}
