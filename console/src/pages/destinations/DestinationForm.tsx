// Adds a destination, or changes one. Its fields are those of its type, as the server tells them.
import { Accordion, Button, Checkbox, Group, JsonInput, Modal, MultiSelect, PasswordInput, Select, Stack, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ApiError, told, type Schemas } from "~/api/client";
import { keys } from "~/api/queries";
import { notify } from "~/parts/notices";
import { NumberField } from "~/parts/NumberField";
import { Failure } from "~/parts/States";
import { type Draft, draftOf, fieldsOf, ruleMistake } from "./draft";
import { type Destination, type Kind, kindName, kinds } from "./queries";

type Props = { existing?: Destination; workspace?: string; onClose: () => void };

export function DestinationForm({ existing, workspace, onClose }: Props) {
  const client = useQueryClient();
  const types = useQuery(kinds);
  const [draft, setDraft] = useState(() => draftOf(existing));
  const set = (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part }));
  const save = useMutation({
    mutationFn: (): Promise<unknown> => {
      const fields = fieldsOf(draft);
      if (existing) return told(api.PATCH("/observability/destinations/{id}", { params: { path: { id: existing.id } }, body: fields }));
      const type = draft.type as Destination["type"];
      return told(api.POST("/observability/destinations", { body: { ...fields, type, ...(workspace ? { workspace_id: workspace } : {}) } }));
    },
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["destinations"] });
      void notify({ title: `${draft.name} is ${existing ? "changed" : "told from now on"}` });
      onClose();
    },
  });
  const kind = types.data?.find(({ type }) => type === draft.type);
  const wrong = save.error instanceof ApiError ? save.error.field : undefined;
  const placed = ["name", "filter_rules", ...(kind?.settings ?? []).map(({ name }) => `config.${name}`)];
  const errorOf = (field: string) => (wrong === field ? save.error?.message : undefined);
  return (
    <Modal opened onClose={onClose} title={existing ? `Change ${existing.name ?? kindName(existing.type)}` : "Add a destination"} size="md">
      <form onSubmit={(event) => { event.preventDefault(); save.mutate(); }}>
        <Stack gap="sm">
          {!existing && (
            <Select
              label="Type" searchable allowDeselect={false} value={draft.type} onChange={(type) => type && set({ type, config: {} })}
              data={(types.data ?? []).map(({ type }) => ({ value: type, label: kindName(type) }))}
            />
          )}
          <TextInput label="Name" required data-autofocus value={draft.name} onChange={(event) => set({ name: event.currentTarget.value })} error={errorOf("name")} />
          {kind?.settings.map((setting) => (
            <Setting
              key={setting.name} setting={setting} isNew={!existing} value={draft.config[setting.name] ?? ""} error={errorOf(`config.${setting.name}`)}
              onChange={(value) => set({ config: { ...draft.config, [setting.name]: value } })}
            />
          ))}
          <More draft={draft} set={set} error={errorOf("filter_rules")} />
          {save.isError && !(wrong && placed.includes(wrong)) && <Failure error={save.error} />}
          <Group justify="flex-end" gap="xs" mt="xs">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={save.isPending} disabled={ruleMistake(draft.rules) !== undefined}>{existing ? "Save" : "Add"}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

type SettingProps = { setting: Kind["settings"][number]; isNew: boolean; value: string; error?: string; onChange: (value: string) => void };

/** `baseUrl` as "Base url". */
const spaced = (name: string) => {
  const words = name.replace(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`).replace(/\burl\b/, "URL").replace(/\bid\b/, "ID").replace(/\bapi\b/, "API");
  return words.charAt(0).toUpperCase() + words.slice(1);
};

function Setting({ setting, isNew, value, error, onChange }: SettingProps) {
  const { name, required, secret, words } = setting;
  const shared = { label: spaced(name), required: required && isNew, error, placeholder: setting.default ?? undefined };
  if (words.length > 0) {
    return <Select {...shared} data={words} value={value || setting.default} onChange={(next) => onChange(next ?? "")} allowDeselect={false} />;
  }
  if (!secret) return <TextInput {...shared} value={value} onChange={(event) => onChange(event.currentTarget.value)} />;
  return <PasswordInput {...shared} description={isNew ? "Sealed in the database" : "Masked; type another one to replace it"} autoComplete="off" value={value} onChange={(event) => onChange(event.currentTarget.value)} />;
}

type MoreProps = { draft: Draft; set: (part: Partial<Draft>) => void; error?: string };

/** What it is told of, and what more of it. */
function More({ draft, set, error }: MoreProps) {
  const allKeys = useQuery(keys);
  const keyChoices = (allKeys.data ?? []).map((key) => ({ value: key.hash, label: `${key.name} (${key.label})` }));
  return (
    <>
      <Stack gap={6}>
        <Checkbox label="Tell what was asked and answered" description="Redacted as kept content is; never of calls that ask for zero retention" checked={draft.content} onChange={(event) => set({ content: event.currentTarget.checked })} />
        <Checkbox label="Tell what calls cost" checked={draft.cost} onChange={(event) => set({ cost: event.currentTarget.checked })} />
        <Checkbox label="Tell which key and workspace called" checked={draft.identity} onChange={(event) => set({ identity: event.currentTarget.checked })} />
        <Checkbox label="Tell from which app" checked={draft.context} onChange={(event) => set({ context: event.currentTarget.checked })} />
      </Stack>
      <Accordion variant="separated">
        <Accordion.Item value="which">
          <Accordion.Control>Which calls, and headers</Accordion.Control>
          <Accordion.Panel>
            <Stack gap="sm">
              <NumberField label="Sessions, percent" unit="%" description="A session is told whole or not at all" value={draft.share} onChange={(share) => set({ share })} />
              <MultiSelect label="Only of these keys" placeholder={draft.keys.length === 0 ? "All keys" : undefined} searchable hidePickedOptions clearable data={keyChoices} value={draft.keys} onChange={(keys) => set({ keys })} />
              <JsonInput
                label="Filter rules, as JSON" placeholder={RULES} autosize minRows={3} maxRows={14} formatOnBlur value={draft.rules} onChange={(rules) => set({ rules })}
                error={error ?? ruleMistake(draft.rules)} description="A call must pass every group"
              />
              <Textarea label="More headers" description="One a line" placeholder="x-team: research" autosize minRows={2} value={draft.headers} onChange={(event) => set({ headers: event.currentTarget.value })} />
            </Stack>
          </Accordion.Panel>
        </Accordion.Item>
      </Accordion>
    </>
  );
}

const EXAMPLE: Schemas["ObservabilityFilterRules"] = { groups: [{ rules: [{ field: "total_cost", operator: "gt", value: 0.01 }] }] };
const RULES = JSON.stringify(EXAMPLE, null, 2);
