// Adds a provider's credential, asking the provider first.
import { Button, Checkbox, Group, Modal, PasswordInput, Select, Stack, Text } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ApiError, told } from "~/api/client";
import { providers } from "~/api/queries";
import { notify } from "~/parts/notices";
import { Failure } from "~/parts/States";
import { useRefresh } from "./refresh";

type Props = { provider?: string; onClose: () => void };

export function CredentialForm({ provider, onClose }: Props) {
  const found = useQuery(providers);
  const refresh = useRefresh();
  const [slug, setSlug] = useState<string | null>(provider ?? null);
  const [key, setKey] = useState("");
  const [check, setCheck] = useState(true);
  const save = useMutation({
    mutationFn: () => told(api.PUT("/credentials/{provider}", { params: { path: { provider: slug ?? "" } }, body: { key, check } })),
    onSuccess: async (made) => {
      await refresh();
      void notify({ title: `${made.data.provider_name} can be called` });
      onClose();
    },
  });
  const isOfKey = save.error instanceof ApiError && save.error.field === "key";
  return (
    <Modal opened onClose={onClose} title="Add a credential">
      <form onSubmit={(event) => { event.preventDefault(); save.mutate(); }}>
        <Stack gap="sm">
          <Select
            label="Provider" placeholder="Name or slug" searchable limit={40} required value={slug} onChange={setSlug} nothingFoundMessage="No provider has this name"
            data={(found.data ?? []).map((one) => ({ value: one.slug, label: one.name }))}
          />
          <PasswordInput
            label="Key" description="As your provider gave it to you; for clouds the JSON of the account" required autoComplete="off"
            value={key} onChange={(event) => setKey(event.currentTarget.value)} error={isOfKey ? save.error?.message : undefined}
          />
          <Checkbox label="Ask the provider first whether it takes it" checked={check} onChange={(event) => setCheck(event.currentTarget.checked)} />
          {save.isPending && check && <Text size="sm" c="dimmed">Asking the provider…</Text>}
          {save.isError && !isOfKey && <Failure error={save.error} />}
          <Group justify="flex-end" gap="xs" mt="xs">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={save.isPending} disabled={!slug}>Add</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
