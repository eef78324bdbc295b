// Adds a workspace's own credential, changes for which calls one is used, or puts another key in its place.
import { Button, Group, Modal, PasswordInput, Select, Stack, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ApiError, told, type Schemas } from "~/api/client";
import { providers, workspaces } from "~/api/queries";
import { notify } from "~/parts/notices";
import { Failure } from "~/parts/States";
import { asFields, CredentialTerms, termsOf } from "./CredentialTerms";
import { useRefresh } from "./refresh";

/** What the form does: adds one, changes its terms, or replaces its key. */
export type Purpose = { kind: "add" } | { kind: "change" | "replace"; one: Schemas["ByokKey"] };

/** The value that stands for no workspace: the house. */
const HOUSE = "house";

const titles = { add: "Add a workspace's own credential", change: "Change", replace: "Replace the key of" } as const;

export function WorkspaceCredentialForm({ purpose, onClose }: { purpose: Purpose; onClose: () => void }) {
  const existing = purpose.kind === "add" ? undefined : purpose.one;
  const known = useQuery(providers);
  const houses = useQuery(workspaces);
  const refresh = useRefresh();
  const [provider, setProvider] = useState<string | null>(existing?.provider ?? null);
  const [workspace, setWorkspace] = useState<string | null>(null);
  const [key, setKey] = useState("");
  const [name, setName] = useState(existing?.name ?? "");
  const [terms, setTerms] = useState(termsOf(existing));
  const save = useMutation({
    mutationFn: () => {
      if (existing) {
        const body = purpose.kind === "replace" ? { key } : { name: name || null, ...asFields(terms) };
        return told(api.PATCH("/byok/{id}", { params: { path: { id: existing.id } }, body }));
      }
      const owner = workspace ? { workspace_id: workspace === HOUSE ? null : workspace } : {};
      return told(api.POST("/byok", { body: { provider: provider ?? "", key, ...asFields(terms), ...(name ? { name } : {}), ...owner } }));
    },
    onSuccess: async (made) => {
      await refresh();
      void notify({ title: purpose.kind === "change" ? `${made.data.name ?? made.data.label} is changed` : `${made.data.label} is presented from now on` });
      onClose();
    },
  });
  const isOfKey = save.error instanceof ApiError && save.error.field === "key";
  const title = existing ? `${titles[purpose.kind]} ${existing.name ?? existing.label}` : titles.add;
  return (
    <Modal opened onClose={onClose} title={title}>
      <form onSubmit={(event) => { event.preventDefault(); save.mutate(); }}>
        <Stack gap="sm">
          {!existing && (
            <>
              <Select
                label="Provider" placeholder="Name or slug" searchable limit={40} required value={provider} onChange={setProvider} nothingFoundMessage="No provider has this name"
                data={(known.data ?? []).map((one) => ({ value: one.slug, label: one.name }))}
              />
              <Select
                label="Workspace" placeholder="The default one" clearable value={workspace} onChange={setWorkspace}
                data={[...(houses.data ?? []).map((one) => ({ value: one.id, label: one.name })), { value: HOUSE, label: "None: the house's, charged as any call" }]}
              />
            </>
          )}
          {purpose.kind !== "change" && (
            <PasswordInput
              label="Key" description="As the provider gave it; for clouds the JSON of the account" required autoComplete="off"
              value={key} onChange={(event) => setKey(event.currentTarget.value)} error={isOfKey ? save.error?.message : undefined}
            />
          )}
          {purpose.kind !== "replace" && (
            <>
              <TextInput label="Name" description="Stands in records in place of the masked key" maxLength={255} value={name} onChange={(event) => setName(event.currentTarget.value)} />
              <CredentialTerms terms={terms} onChange={setTerms} />
            </>
          )}
          {save.isError && !isOfKey && <Failure error={save.error} />}
          <Group justify="flex-end" gap="xs" mt="xs">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={save.isPending} disabled={!provider}>{{ add: "Add", change: "Save", replace: "Replace" }[purpose.kind]}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
