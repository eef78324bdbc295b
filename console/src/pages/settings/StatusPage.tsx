// Whether anybody may look at the status page.
import { Anchor, Paper, Switch, Text, Title } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { api, told } from "~/api/client";
import { status } from "~/api/status";
import { notify } from "~/parts/notices";
import { Failure } from "~/parts/States";

export function StatusPage() {
  const client = useQueryClient();
  const found = useQuery(status(true));
  const set = async (isPublic: boolean) => {
    await told(api.PUT("/status/public", { body: { public: isPublic } }));
    await client.invalidateQueries({ queryKey: ["status"] });
  };
  const change = useMutation({
    mutationFn: set,
    onSuccess: (_, isPublic) => void notify({ title: isPublic ? "Anybody may look at the status page now" : "The status page is private again", undo: () => set(!isPublic) }),
  });
  return (
    <Paper className="sheet" p="lg">
      <Title order={2}>Status page</Title>
      <Text c="dimmed" mb="sm">
        <Anchor component={Link} to="/status" underline="always">/status</Anchor> says how many calls came to their end, by model, provider and endpoint, and how fast. Made public, it shows shares and times; no key, workspace, cost or count of calls.
      </Text>
      <Switch
        label="Anybody may look at it, without signing in" checked={found.data?.is_public ?? false}
        disabled={found.data === undefined || found.data.is_configured} onChange={(event) => change.mutate(event.currentTarget.checked)}
        description={found.data?.is_configured ? "The configuration decides this (status.page)." : undefined}
      />
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {change.isError && <Failure error={change.error} />}
    </Paper>
  );
}
