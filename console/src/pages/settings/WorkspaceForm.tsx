// Changes what a workspace keeps, and its policy on calls without a price.
import { Button, Checkbox, Group, Modal, Select, Stack, Switch, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ApiError, told, type Schemas } from "~/api/client";
import { workspaces } from "~/api/queries";
import { notify } from "~/parts/notices";
import { NumberField } from "~/parts/NumberField";
import { Failure } from "~/parts/States";

type Workspace = Schemas["Workspace"];
type Redaction = Workspace["io_logging_redact"][number];

const REDACTIONS: [Redaction, string][] = [
  ["email", "Mail addresses"], ["card", "Card numbers"], ["api_key", "API keys"], ["jwt", "Tokens (JWT)"], ["private_key", "Private keys"],
];
const POLICIES = [
  { value: "house", label: "As the configuration says" }, { value: "allow", label: "Allow them, with no cost" },
  { value: "deny", label: "Refuse them" }, { value: "prices", label: "Charge them by prices of your own" },
];

type Draft = { tells: boolean; keeps: boolean; share: number | string; days: number | string; redact: Redaction[]; keyAccess: boolean; native: boolean; policy: string; input: string; output: string };

function draftOf(one: Workspace): Draft {
  const prices = typeof one.unpriced === "object" && one.unpriced !== null ? one.unpriced : undefined;
  return {
    tells: one.is_observability_broadcast_enabled, keeps: one.is_observability_io_logging_enabled, share: Math.round(one.io_logging_sampling_rate * 10_000) / 100, days: one.io_logging_retention_days,
    redact: one.io_logging_redact, keyAccess: one.io_logging_key_access, native: one.io_logging_native,
    policy: prices ? "prices" : one.unpriced === null ? "house" : String(one.unpriced), input: prices?.input ?? "", output: prices?.output ?? "",
  };
}

function fieldsOf(draft: Draft) {
  const unpriced: Workspace["unpriced"] =
    draft.policy === "prices" ? { input: draft.input, output: draft.output } : draft.policy === "house" ? null : (draft.policy as "allow" | "deny");
  return {
    is_observability_broadcast_enabled: draft.tells, is_observability_io_logging_enabled: draft.keeps, io_logging_sampling_rate: Math.round(Number(draft.share) * 10_000) / 1_000_000,
    io_logging_retention_days: Number(draft.days), io_logging_redact: draft.redact, io_logging_key_access: draft.keyAccess,
    io_logging_native: draft.native, unpriced,
  };
}

export function WorkspaceForm({ one, onClose }: { one: Workspace; onClose: () => void }) {
  const client = useQueryClient();
  const [draft, setDraft] = useState(() => draftOf(one));
  const set = (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part }));
  const path = { params: { path: { id: one.id } } };
  const change = async (body: ReturnType<typeof fieldsOf>) => {
    await told(api.PATCH("/workspaces/{id}", { ...path, body }));
    await client.invalidateQueries({ queryKey: workspaces.queryKey });
  };
  const save = useMutation({
    mutationFn: () => change(fieldsOf(draft)),
    onSuccess: () => {
      void notify({ title: `${one.name} is changed`, undo: () => change(fieldsOf(draftOf(one))) });
      onClose();
    },
  });
  const wrong = save.error instanceof ApiError ? save.error.field : undefined;
  const errorOf = (field: string) => (wrong === field ? save.error?.message : undefined);
  return (
    <Modal opened onClose={onClose} title={`Change ${one.name}`}>
      <form onSubmit={(event) => { event.preventDefault(); save.mutate(); }}>
        <Stack gap="sm">
          <Switch label="Tell its destinations" description="Off silences all of them at once" checked={draft.tells} onChange={(event) => set({ tells: event.currentTarget.checked })} />
          <Switch label="Keep the content of calls" description="Redacted, compressed and sealed; never of calls that ask for zero retention" checked={draft.keeps} onChange={(event) => set({ keeps: event.currentTarget.checked })} />
          {draft.keeps && <Keeping draft={draft} set={set} errorOf={errorOf} />}
          <Select label="Calls of which nobody states a price" data={POLICIES} value={draft.policy} onChange={(policy) => policy && set({ policy })} allowDeselect={false} error={errorOf("unpriced")} />
          {draft.policy === "prices" && (
            <Group grow>
              <TextInput label="Input, USD per M tokens" required value={draft.input} onChange={(event) => set({ input: event.currentTarget.value })} />
              <TextInput label="Output, USD per M tokens" required value={draft.output} onChange={(event) => set({ output: event.currentTarget.value })} />
            </Group>
          )}
          {save.isError && !wrong && <Failure error={save.error} />}
          <Group justify="flex-end" gap="xs" mt="xs">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={save.isPending}>Save</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

type KeepingProps = { draft: Draft; set: (part: Partial<Draft>) => void; errorOf: (field: string) => string | undefined };

function Keeping({ draft, set, errorOf }: KeepingProps) {
  return (
    <Stack gap="sm" pl="sm" style={{ borderLeft: "2px solid var(--rule)" }}>
      <Group grow align="flex-start">
        <NumberField label="Sessions, percent" unit="%" value={draft.share} onChange={(share) => set({ share })} error={errorOf("io_logging_sampling_rate")} />
        <NumberField label="For, days" isWhole value={draft.days} onChange={(days) => set({ days })} error={errorOf("io_logging_retention_days")} />
      </Group>
      <Checkbox.Group label="Taken out first" value={draft.redact} onChange={(redact) => set({ redact: redact as Redaction[] })}>
        <Group gap="md" mt={6}>{REDACTIONS.map(([name, label]) => <Checkbox key={name} value={name} label={label} />)}</Group>
      </Checkbox.Group>
      <Checkbox label="Keys may read that of their own calls" checked={draft.keyAccess} onChange={(event) => set({ keyAccess: event.currentTarget.checked })} />
      <Checkbox label="Also that of requests in providers' own APIs" checked={draft.native} onChange={(event) => set({ native: event.currentTarget.checked })} />
    </Stack>
  );
}
