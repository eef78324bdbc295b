// Replaces a key by another one under the same terms, with some time for both.
import { Button, Group, Modal, Select, Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, told } from "~/api/client";
import { type Key, keys } from "~/api/queries";
import { Failure } from "~/parts/States";
import type { Secret } from "./SecretDialog";

const OVERLAPS = [
  { value: "0", label: "At once" }, { value: "3600", label: "After an hour" }, { value: "86400", label: "After a day" },
  { value: "604800", label: "After a week" }, { value: "2592000", label: "After 30 days" },
];

type Props = { existing: Key; onClose: () => void; onMade: (secret: Secret) => void };

export function RotateKey({ existing, onClose, onMade }: Props) {
  const client = useQueryClient();
  const [overlap, setOverlap] = useState("86400");
  const rotate = useMutation({
    mutationFn: () => told(api.POST("/keys/{hash}/rotate", {
      params: { path: { hash: existing.hash } }, body: { overlap_seconds: Number(overlap) },
    })),
    onSuccess: async (made) => {
      await client.invalidateQueries({ queryKey: keys.queryKey });
      onClose();
      onMade({ name: existing.name, key: made.key });
    },
  });
  return (
    <Modal opened onClose={onClose} title={`Replace ${existing.name}`}>
      <Text mb="md">A new key gets the same name, limit and rate limits. What has been spent stays with the old one, and the new one starts at $0.</Text>
      <Select label="The old key stops working" data={OVERLAPS} value={overlap} onChange={(value) => value && setOverlap(value)} allowDeselect={false} />
      {rotate.isError && <Failure error={rotate.error} />}
      <Group justify="flex-end" mt="lg" gap="xs">
        <Button variant="default" onClick={onClose}>Cancel</Button>
        <Button loading={rotate.isPending} onClick={() => rotate.mutate()}>Replace</Button>
      </Group>
    </Modal>
  );
}
