// One call on a page of its own, to be linked to.
import { Box, Paper } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { generation } from "~/api/generation";
import { Page } from "~/parts/Page";
import { Failure, Waiting } from "~/parts/States";
import { Waybill } from "./Waybill";

const route = getRouteApi("/house/activity/$id");

export default function CallPage() {
  const { id } = route.useParams();
  const found = useQuery(generation(id));
  return (
    <Page title="Call">
      <Box maw={820}>
        {found.isPending && <Paper className="sheet"><Waiting /></Paper>}
        {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
        {found.data && <Waybill call={found.data} />}
      </Box>
    </Page>
  );
}
