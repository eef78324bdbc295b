// Servers of one's own that serve models.
import { Box, Button, Paper, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, told } from "~/api/client";
import { ownProviders } from "~/api/queries";
import { Confirm } from "~/parts/confirm";
import { Empty, Failure, Waiting } from "~/parts/States";
import { Scroll, Table } from "~/parts/Table";
import type { Opener } from "./open";
import { useRefresh } from "./refresh";

export function OwnProviders({ onOpen }: Opener) {
  const refresh = useRefresh();
  const found = useQuery(ownProviders);
  return (
    <Paper className="sheet">
      <Title order={2} px="md" py="sm">Your own servers</Title>
      {found.isPending && <Waiting rows={1} />}
      {found.isError && <Box p="md"><Failure error={found.error} retry={() => void found.refetch()} /></Box>}
      {found.data?.length === 0 && (
        <Empty title="None yet" action={<Button variant="default" onClick={() => onOpen({ kind: "own" })}>Add your own server</Button>}>
          vLLM, Ollama, llama.cpp, LM Studio: anything that speaks OpenAI's chat dialect, in three fields.
        </Empty>
      )}
      {(found.data?.length ?? 0) > 0 && (
        <Scroll minWidth={560}>
          <Table>
            <Table.Thead>
              <Table.Tr>{["Name", "Base URL", "Models", ""].map((title) => <Table.Th key={title} fz="xs" fw={500} c="dimmed">{title || <span className="visually-hidden">Actions</span>}</Table.Th>)}</Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {found.data?.map((own) => (
                <Table.Tr key={own.slug}>
                  <Table.Td><Text fw={500} size="sm">{own.name}</Text><Text size="xs" c="dimmed" className="mono">{own.slug}</Text></Table.Td>
                  <Table.Td className="mono">{own.base_url}</Table.Td>
                  <Table.Td><Text size="sm" className="mono" lineClamp={2}>{own.models.join(", ")}</Text></Table.Td>
                  <Table.Td ta="right">
                    <Confirm
                      title={`Remove ${own.name}?`} verb="Remove it"
                      act={async () => { await told(api.DELETE("/providers/own/{slug}", { params: { path: { slug: own.slug } } })); await refresh(); }}
                      trigger={(ask) => <Button size="compact-sm" variant="default" onClick={ask}>Remove</Button>}
                    >
                      Its models can no longer be called. What was recorded of their calls stays.
                    </Confirm>
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
