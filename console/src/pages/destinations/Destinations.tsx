// To whom a workspace has its calls told: made, changed, tried, switched off, and what became of it.
import { Box, Button, Paper, Select, Stack } from "@mantine/core";
import { IconBroadcast, IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { workspaces } from "~/api/queries";
import { lazily } from "~/parts/lazily";
import { Page } from "~/parts/Page";
import { Empty, Failure, Waiting } from "~/parts/States";
import { DestinationCard } from "./DestinationCard";
import { type Destination, destinations } from "./queries";

const DestinationForm = lazily(async () => (await import("./DestinationForm")).DestinationForm);

const route = getRouteApi("/house/destinations");

export default function Destinations() {
  const { workspace } = route.useSearch();
  const navigate = useNavigate({ from: "/destinations" });
  const houses = useQuery(workspaces);
  const found = useQuery(destinations(workspace));
  const [open, setOpen] = useState<"new" | Destination>();
  const create = <Button leftSection={<IconPlus size={16} />} onClick={() => setOpen("new")}>Add a destination</Button>;
  return (
    <Page
      title="Destinations" about="Where finished calls are told, as traces, events or rows. No call waits for it."
      actions={
        <>
          {(houses.data?.length ?? 0) > 1 && (
            <Select
              aria-label="Workspace" placeholder="The default workspace" clearable w={210} value={workspace ?? null}
              data={(houses.data ?? []).map(({ id, name }) => ({ value: id, label: name }))} onChange={(value) => void navigate({ search: { workspace: value ?? undefined }, replace: true })}
            />
          )}
          {create}
        </>
      }
    >
      {found.isPending && <Paper className="sheet"><Waiting /></Paper>}
      {found.isError && <Box p="md"><Failure error={found.error} retry={() => void found.refetch()} /></Box>}
      {found.data?.length === 0 && (
        <Paper className="sheet">
          <Empty title="Nobody is told yet" icon={<IconBroadcast size={30} stroke={1.4} />} action={create}>
            Langfuse, a collector, a bucket, a webhook: add one, and every call of the workspace is told there when it has ended.
          </Empty>
        </Paper>
      )}
      <Stack gap="md">{found.data?.map((one) => <DestinationCard key={one.id} one={one} onChange={() => setOpen(one)} />)}</Stack>
      {open && <DestinationForm existing={open === "new" ? undefined : open} workspace={workspace} onClose={() => setOpen(undefined)} />}
    </Page>
  );
}
