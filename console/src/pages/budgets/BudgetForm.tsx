// Makes a budget, or changes one.
import { Button, Group, Modal, SegmentedControl, Select, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ApiError, told, type Schemas } from "~/api/client";
import { budgets, keys, workspaces } from "~/api/queries";
import { NumberField } from "~/parts/NumberField";
import { Failure } from "~/parts/States";

type Budget = Schemas["Budget"];
type Subject = Schemas["NewBudget"]["subject"];

const SUBJECTS: { value: Subject; label: string; hint: string }[] = [
  { value: "organization", label: "The whole house", hint: "" },
  { value: "workspace", label: "A workspace", hint: "" },
  { value: "key", label: "A key", hint: "" },
  { value: "member", label: "A member", hint: "The id of the member who made the key" },
  { value: "app", label: "An app", hint: "As in the HTTP-Referer of its calls, such as https://app.example" },
  { value: "end_user", label: "An end user", hint: "As in the field user of the calls" },
  { value: "metadata", label: "Calls with certain metadata", hint: "name=value&name=value" },
];
const WINDOWS = ["daily", "weekly", "monthly", "lifetime", "rolling:1h", "rolling:24h", "rolling:7d"];

type Props = { existing?: Budget; onClose: () => void };

export function BudgetForm({ existing, onClose }: Props) {
  const client = useQueryClient();
  const allKeys = useQuery(keys);
  const allWorkspaces = useQuery(workspaces);
  const [subject, setSubject] = useState<Subject>("organization");
  const [who, setWho] = useState("");
  const [limit, setLimit] = useState<number | string>(existing?.limit ?? "");
  const [window, setWindow] = useState(existing?.window ?? "monthly");
  const [enforcement, setEnforcement] = useState<string>(existing?.enforcement ?? "hard");
  const save = useMutation({
    mutationFn: async (): Promise<unknown> => {
      const terms = { limit: Number(limit), enforcement: enforcement as "hard" | "warn" };
      return existing
        ? told(api.PATCH("/budgets/{id}", { params: { path: { id: existing.id } }, body: terms }))
        : told(api.POST("/budgets", { body: { ...terms, subject, window, ...(subject === "organization" ? {} : { subject_id: who }) } }));
    },
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: budgets.queryKey });
      onClose();
    },
  });
  const wrong = save.error instanceof ApiError ? save.error.field : undefined;
  const errorOf = (field: string) => (wrong === field ? save.error?.message : undefined);
  const choices = subject === "key"
    ? (allKeys.data ?? []).map((key) => ({ value: key.hash, label: key.name }))
    : subject === "workspace" ? (allWorkspaces.data ?? []).map((workspace) => ({ value: workspace.id, label: workspace.name })) : undefined;
  return (
    <Modal opened onClose={onClose} title={existing ? "Change the budget" : "Create a budget"}>
      <form onSubmit={(event) => { event.preventDefault(); save.mutate(); }}>
        <Stack gap="sm">
          {!existing && <Select label="Of" data={SUBJECTS} value={subject} onChange={(value) => { setSubject(value as Subject); setWho(""); }} allowDeselect={false} />}
          {!existing && choices && <Select label="Which one" data={choices} value={who || null} onChange={(value) => setWho(value ?? "")} searchable required error={errorOf("subject_id")} />}
          {!existing && !choices && subject !== "organization" && (
            <TextInput label="Which one" description={SUBJECTS.find((row) => row.value === subject)?.hint} required value={who} onChange={(event) => setWho(event.currentTarget.value)} error={errorOf("subject_id") ?? errorOf("subject")} />
          )}
          <Group grow align="flex-start">
            <NumberField label="Limit, USD" prefix="$" required value={limit} onChange={setLimit} error={errorOf("limit")} />
            {!existing && <Select label="In each" data={WINDOWS} value={window} onChange={(value) => value && setWindow(value)} allowDeselect={false} error={errorOf("window")} />}
          </Group>
          <Stack gap={4}>
            <Text size="sm" fw={500}>When it is used up</Text>
            <SegmentedControl aria-label="When it is used up" value={enforcement} onChange={setEnforcement} data={[{ value: "hard", label: "Refuse calls" }, { value: "warn", label: "Warn only" }]} />
          </Stack>
          {save.isError && !wrong && <Failure error={save.error} />}
          <Group justify="flex-end" mt="xs" gap="xs">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={save.isPending}>{existing ? "Save" : "Create"}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
