// What a session costs, the dearest first: medians by app, model and number of turns.
import { Paper, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, told } from "~/api/client";
import { usd } from "~/parts/format";
import { LinkText } from "~/parts/links";
import { callsOf, Made } from "~/parts/Made";
import { Failure, Waiting } from "~/parts/States";
import { Scroll, Table } from "~/parts/Table";

const turns = { "1-turn": "1", "2-9-turns": "2 to 9", "10-49-turns": "10 to 49", "50-plus-turns": "50 and more" } as const;

/** The dearest so many. */
const ROWS = 10;

const costs = {
  queryKey: ["session-cost"],
  queryFn: async ({ signal }: { signal: AbortSignal }) => {
    const found = await told(api.GET("/datasets/session-cost", { params: { query: { limit: 500 } }, signal }));
    return [...found.data].sort((a, b) => b.median_session_cost_usd - a.median_session_cost_usd).slice(0, ROWS);
  },
  staleTime: 60_000,
};

export function Sessions() {
  const found = useQuery(costs);
  return (
    <Paper className="sheet" component="section" aria-label="What a session costs">
      <Title order={2} px="lg" pt="lg">What a session costs</Title>
      <Text size="sm" c="dimmed" px="lg" pb="xs">Medians of the last thirty completed days (UTC), the dearest first.</Text>
      {found.isPending && <Waiting rows={5} height={28} />}
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {found.data?.length === 0 && (
        <Text size="sm" c="dimmed" px="lg" pb="lg">
          No session of a named app in these days. Have your agent send <code className="mono">session_id</code> in the body and <code className="mono">X-Title</code> in the head; today's sessions count from tomorrow on.
        </Text>
      )}
      {(found.data?.length ?? 0) > 0 && (
        <Scroll>
          <Table miw={520} highlightOnHover>
            <Table.Thead>
              <Table.Tr>
                <Table.Th fz="xs" fw={500} c="dimmed" pl="lg">App</Table.Th>
                <Table.Th fz="xs" fw={500} c="dimmed">Model</Table.Th>
                <Table.Th fz="xs" fw={500} c="dimmed" ta="right">Turns</Table.Th>
                <Table.Th fz="xs" fw={500} c="dimmed" ta="right" pr="lg" style={{ whiteSpace: "nowrap" }}>Median cost</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {found.data?.map((one) => (
                <Table.Tr key={`${one.app_slug} ${one.model_permaslug} ${one.turn_range}`}>
                  <Table.Td pl="lg"><LinkText to="/activity" search={{ app: one.app_name, model: one.model_permaslug, span: 2_592_000 }} size="sm">{one.app_name}</LinkText></Table.Td>
                  <Table.Td fz="sm"><span className="mono">{one.model_permaslug}</span></Table.Td>
                  <Table.Td fz="sm" className="num" data-bottom>{turns[one.turn_range]}</Table.Td>
                  <Table.Td fz="sm" className="num" pr="lg">
                    <Made again of={callsOf({ app: one.app_name, model: one.model_permaslug, span: 2_592_000 }, "The calls of this app and model; the session of each stands in its waybill")}>{usd(one.median_session_cost_usd)}</Made>
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Scroll>
      )}
    </Paper>
  );
}
