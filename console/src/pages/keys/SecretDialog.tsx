// Shows a new key's secret, this once, and the lines that put it to use.
import { Alert, Button, Group, Modal, Select, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { example, models } from "~/api/queries";
import { standing } from "~/api/session";
import { CodeBlock } from "~/parts/Copy";
import { clients } from "~/parts/snippets";

export type Secret = { name: string; key: string };

type Props = { secret: Secret; onClose: () => void };

export function SecretDialog({ secret, onClose }: Props) {
  return (
    <Modal opened onClose={onClose} title={`${secret.name}: your new key`} size="lg" closeOnClickOutside={false}>
      <Shown secret={secret} onClose={onClose} />
    </Modal>
  );
}

function Shown({ secret, onClose }: { secret: Secret; onClose: () => void }) {
  const found = useQuery(standing);
  const usable = useQuery(models("usable"));
  const [id, setId] = useState(clients[0]!.id);
  const client = clients.find((client) => client.id === id) ?? clients[0]!;
  const where = {
    url: found.data?.public_url ?? window.location.origin, key: secret.key,
    model: example(usable.data ?? [])?.id ?? "AUTHOR/MODEL",
  };
  return (
    <Stack gap="md">
      <Alert color="yellow"><Text c="var(--mantine-color-text)">Copy it now: only its hash is kept, so that nobody can show it again.</Text></Alert>
      <CodeBlock code={secret.key} label="Copy the key" />
      <Select label="Lines for your client" data={clients.map(({ id, label }) => ({ value: id, label }))} value={id} onChange={(value) => value && setId(value)} allowDeselect={false} w={260} />
      <CodeBlock code={client.code(where)} />
      <Group justify="flex-end"><Button onClick={onClose}>I have kept it</Button></Group>
    </Stack>
  );
}
