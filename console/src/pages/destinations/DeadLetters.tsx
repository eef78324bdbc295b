// The calls that a destination never took, to be sent again.
import { Button, Group, Modal, Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, told, type Schemas } from "~/api/client";
import { Instant } from "~/parts/Figures";
import { count } from "~/parts/format";
import { LinkText } from "~/parts/links";
import { notify } from "~/parts/notices";
import { Empty, Failure } from "~/parts/States";
import { Scroll, Table } from "~/parts/Table";

type Props = { id: string; letters: Schemas["ObservabilityDeliveries"]["dead_letters"]; onClose: () => void };

export function DeadLetters({ id, letters, onClose }: Props) {
  const client = useQueryClient();
  const retry = useMutation({
    mutationFn: async () => (await told(api.POST("/observability/destinations/{id}/deliveries/retry", { params: { path: { id } } }))).data,
    onSuccess: async ({ revived }) => {
      await client.invalidateQueries({ queryKey: ["deliveries", id] });
      void notify({ title: revived === 1 ? "One call waits again" : `${count(revived)} calls wait again` });
      onClose();
    },
  });
  return (
    <Modal opened onClose={onClose} title="Calls that were given up" size="lg">
      <Text size="sm" c="dimmed" mb="sm">The last 500 of this server. Sent again, each is tried five times more.</Text>
      {letters.length === 0 && <Empty title="None">Everything was taken.</Empty>}
      {letters.length > 0 && (
        <Scroll minWidth={520} mah={360}>
          <Table>
            <Table.Thead><Table.Tr>{["Call", "Given up", "Tried", "Why"].map((title) => <Table.Th key={title} fz="xs" fw={500} c="dimmed">{title}</Table.Th>)}</Table.Tr></Table.Thead>
            <Table.Tbody>
              {letters.map((letter) => (
                <Table.Tr key={letter.generation_id}>
                  <Table.Td><LinkText to="/activity/$id" params={{ id: letter.generation_id }} size="sm" className="mono">{letter.generation_id}</LinkText></Table.Td>
                  <Table.Td fz="sm"><Instant at={letter.given_up_at} /></Table.Td>
                  <Table.Td fz="sm" data-bottom>{letter.attempts === 1 ? "once" : `${letter.attempts} times`}</Table.Td>
                  <Table.Td fz="sm">{letter.reason}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Scroll>
      )}
      {retry.isError && <Failure error={retry.error} />}
      <Group justify="flex-end" mt="md" gap="xs">
        <Button variant="default" onClick={onClose}>Close</Button>
        <Button loading={retry.isPending} disabled={letters.length === 0} onClick={() => retry.mutate()}>Send all again</Button>
      </Group>
    </Modal>
  );
}
