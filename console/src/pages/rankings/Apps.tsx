// Which apps take the tokens, or have grown most.
import { Box, Group, Paper, Progress, SegmentedControl, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, told } from "~/api/client";
import { calls, count, short } from "~/parts/format";
import { LinkText } from "~/parts/links";
import { callsOf, Made } from "~/parts/Made";
import { Failure, Waiting } from "~/parts/States";
import { ranked, since } from "./tokens";

type Props = { from: string; to: string; sort: "popular" | "trending"; onSort: (sort: "popular" | "trending") => void };

export function Apps({ from, to, sort, onSort }: Props) {
  const found = useQuery({
    queryKey: ["app-rankings", { from, to, sort }],
    queryFn: ({ signal }) => told(api.GET("/datasets/app-rankings", { params: { query: { start_date: from, end_date: to, sort, limit: 20 } }, signal })),
    ...ranked,
  });
  const apps = found.data?.data ?? [];
  const most = Math.max(1, ...apps.map((app) => Number(app.total_tokens)));
  return (
    <Paper className="sheet" p="lg" component="section" aria-label="Apps by tokens">
      <Group justify="space-between" mb="md" gap="xs">
        <Title order={2}>Apps by tokens</Title>
        <SegmentedControl
          aria-label="Order of apps" size="xs" value={sort} onChange={(value) => onSort(value as "popular" | "trending")}
          data={[{ value: "popular", label: "Most" }, { value: "trending", label: "Most growth" }]}
        />
      </Group>
      {found.isPending && <Waiting rows={5} height={28} />}
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {found.isSuccess && apps.length === 0 && (
        <Text size="sm" c="dimmed">
          {sort === "trending" ? "No app has grown against the three periods before. Look at those with most." : <>No call of these days names its app. Have your client send the header <code className="mono">X-Title</code> with its name.</>}
        </Text>
      )}
      <Stack gap={12}>
        {apps.map((app) => (
          <Box key={app.app_id}>
            <Group justify="space-between" gap="xs" wrap="nowrap">
              <Group gap={8} wrap="nowrap" miw={0}>
                <Text size="sm" c="dimmed" w={18} ta="right">{app.rank}</Text>
                <LinkText to="/activity" search={{ app: app.app_name, from: since(from) }} size="sm" truncate>{app.app_name}</LinkText>
              </Group>
              <Text size="sm" style={{ whiteSpace: "nowrap" }}>
                <Made again of={callsOf({ app: app.app_name, from: since(from) })}><Text span size="xs" c="dimmed">{calls(app.total_requests)} · </Text>{short(Number(app.total_tokens))} tokens</Made>
              </Text>
            </Group>
            <Progress value={(Number(app.total_tokens) / most) * 100} size={4} mt={4} ml={26} aria-label={`${app.app_name}: ${count(Number(app.total_tokens))} tokens`} styles={{ root: { backgroundColor: "var(--wash)" } }} />
          </Box>
        ))}
      </Stack>
    </Paper>
  );
}
