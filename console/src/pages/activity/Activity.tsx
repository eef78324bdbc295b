// Every call, newest first, found by filters in the address; a drawer shows the waybill of one.
import { Box, Button, Group, Loader, Paper, Switch, Text } from "@mantine/core";
import { IconActivity } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { api, told } from "~/api/client";
import type { Generation } from "~/api/generation";
import { moment } from "~/parts/format";
import { lazily, useOnce } from "~/parts/lazily";
import { LinkButton } from "~/parts/links";
import { Page } from "~/parts/Page";
import { Sheet } from "~/parts/Sheet";
import { Empty, Failure, Waiting } from "~/parts/States";
import type { ActivitySearch } from "~/router";
import { CallFilters } from "./CallFilters";
import { columns } from "./columns";
import { Export } from "./Export";
import { queryOf } from "./filters";

const CallDrawer = lazily(async () => (await import("./CallDrawer")).CallDrawer);

const route = getRouteApi("/house/activity");
const PAGE = 100;

type ListPage = {
  data: Generation[];
  next_cursor: string | null;
  /** How far back was looked; null when everything was. */
  searched_from: string | null;
};

/** Pages of calls; the first one is looked at again while nobody has gone on. */
function useCalls(filters: ActivitySearch, isLive: boolean) {
  return useInfiniteQuery({
    queryKey: ["generations", filters],
    queryFn: ({ signal, pageParam }) =>
      told(api.GET("/generations", { params: { query: { ...queryOf(filters), cursor: pageParam, limit: PAGE } }, signal })) as Promise<ListPage>,
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: (query) => (isLive && (query.state.data?.pages.length ?? 0) <= 1 ? 3_000 : false),
  });
}

export default function Activity() {
  const search = route.useSearch();
  const navigate = useNavigate({ from: "/activity" });
  const change = (part: Partial<ActivitySearch>) =>
    void navigate({ search: (before: ActivitySearch) => ({ ...before, ...part }), replace: true });
  const [isLive, setLive] = useState(true);
  const { call: openCall, ...filters } = search;
  const hasDrawer = useOnce(openCall !== undefined);
  const found = useCalls(filters, isLive);
  const rows = found.data?.pages.flatMap((page) => page.data) ?? [];
  // A page looks at a bounded number of records, so that one may be empty and still have a next one.
  useEffect(() => {
    if (rows.length < 20 && found.hasNextPage && !found.isFetching) void found.fetchNextPage();
  }, [rows.length, found.hasNextPage, found.isFetching, found.fetchNextPage]);
  const isLooking = found.isPending || (rows.length === 0 && found.isFetchingNextPage);
  const lookedBack = !found.isError && rows.length < 20 && found.hasNextPage ? found.data?.pages.at(-1)?.searched_from : undefined;
  return (
    <Page
      title="Activity" about="Every call, readable the moment it has ended. Open one for its waybill."
      actions={
        <>
          <Switch label="Live" title="Looks for new calls every 3 seconds" checked={isLive} onChange={(event) => setLive(event.currentTarget.checked)} />
          <Export search={search} />
        </>
      }
    >
      <CallFilters search={search} change={change} />
      {lookedBack && <Looking since={lookedBack} found={rows.length} />}
      <Paper className="sheet" mt="sm" data-bottom>
        {isLooking && <Waiting />}
        {found.isError && <Box p="md"><Failure error={found.error} retry={() => void found.refetch()} /></Box>}
        {found.isSuccess && rows.length === 0 && !found.hasNextPage && (
          <NoCall isFiltered={Object.values(filters).some((value) => value !== undefined)} onClear={() => void navigate({ search: {} })} />
        )}
        {rows.length > 0 && (
          <Sheet
            label="Calls" rows={rows} rowKey={(call) => call.id} rowHeight={42} columns={columns} height="calc(100dvh - 250px)"
            onOpen={(call) => change({ call: call.id })} isChosen={(call) => call.id === openCall}
            onEnd={() => found.hasNextPage && !found.isFetching && void found.fetchNextPage()}
          />
        )}
      </Paper>
      {hasDrawer && <CallDrawer id={openCall} onClose={() => change({ call: undefined })} />}
    </Page>
  );
}

/** A search through all records takes its time: how far it has come. */
function Looking({ since, found }: { since: string; found: number }) {
  return (
    <Group gap={8} mt="sm" role="status" data-bottom>
      <Loader size={13} color="gray" aria-hidden="true" />
      <Text size="sm" c="dimmed">Looked back to {moment(since)}: {found === 0 ? "nothing so far" : found === 1 ? "one call so far" : `${found} calls so far`}. Still looking.</Text>
    </Group>
  );
}

function NoCall({ isFiltered, onClear }: { isFiltered: boolean; onClear: () => void }) {
  return isFiltered
    ? <Empty title="No call fits these filters" action={<Button variant="default" onClick={onClear}>Clear the filters</Button>}>Take one away, or look further back.</Empty>
    : <Empty title="No call yet" icon={<IconActivity size={30} stroke={1.4} />} action={<LinkButton to="/start">Make the first one</LinkButton>}>As soon as one has ended, it stands here.</Empty>;
}
