// Adds a workspace's own credential, or puts another key in the place of one.
import { Button, Checkbox, Group, Modal, PasswordInput, Select, Stack, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ApiError, told, type Schemas } from "~/api/client";
import { providers, workspaces } from "~/api/queries";
import { notify } from "~/parts/notices";
import { Failure } from "~/parts/States";
import { useRefresh } from "./refresh";

type Props = { replaces?: Schemas["ByokKey"]; onClose: () => void };

export function WorkspaceCredentialForm({ replaces, onClose }: Props) {
  const known = useQuery(providers);
  const houses = useQuery(workspaces);
  const refresh = useRefresh();
  const [provider, setProvider] = useState<string | null>(replaces?.provider ?? null);
  const [workspace, setWorkspace] = useState<string | null>(null);
  const [key, setKey] = useState("");
  const [name, setName] = useState("");
  const [isFallback, setFallback] = useState(false);
  const save = useMutation({
    mutationFn: () => {
      if (replaces) return told(api.PATCH("/byok/{id}", { params: { path: { id: replaces.id } }, body: { key } }));
      const owner = workspace ? { workspace_id: workspace } : {};
      return told(api.POST("/byok", { body: { provider: provider ?? "", key, is_fallback: isFallback, ...(name ? { name } : {}), ...owner } }));
    },
    onSuccess: async (made) => {
      await refresh();
      void notify({ title: `${made.data.label} is presented from now on` });
      onClose();
    },
  });
  const isOfKey = save.error instanceof ApiError && save.error.field === "key";
  return (
    <Modal opened onClose={onClose} title={replaces ? `Replace the key of ${replaces.name ?? replaces.label}` : "Add a workspace's own credential"}>
      <form onSubmit={(event) => { event.preventDefault(); save.mutate(); }}>
        <Stack gap="sm">
          {!replaces && (
            <>
              <Select
                label="Provider" placeholder="Name or slug" searchable limit={40} required value={provider} onChange={setProvider} nothingFoundMessage="No provider has this name"
                data={(known.data ?? []).map((one) => ({ value: one.slug, label: one.name }))}
              />
              <Select
                label="Workspace" placeholder="The default one" clearable value={workspace} onChange={setWorkspace}
                data={(houses.data ?? []).map((one) => ({ value: one.id, label: one.name }))}
              />
            </>
          )}
          <PasswordInput
            label="Key" description="As the provider gave it; for clouds the JSON of the account" required autoComplete="off"
            value={key} onChange={(event) => setKey(event.currentTarget.value)} error={isOfKey ? save.error?.message : undefined}
          />
          {!replaces && (
            <>
              <TextInput label="Name" description="Stands in records in place of the masked key" maxLength={255} value={name} onChange={(event) => setName(event.currentTarget.value)} />
              <Checkbox label="Only when everything else has failed" checked={isFallback} onChange={(event) => setFallback(event.currentTarget.checked)} />
            </>
          )}
          {save.isError && !isOfKey && <Failure error={save.error} />}
          <Group justify="flex-end" gap="xs" mt="xs">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={save.isPending} disabled={!provider}>{replaces ? "Replace" : "Add"}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
