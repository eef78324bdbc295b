// Makes a key, or changes one.
import { Button, Group, Modal, Select, Stack, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ApiError, told, type Schemas } from "~/api/client";
import { type Key, keys } from "~/api/queries";
import { NumberField } from "~/parts/NumberField";
import { Failure } from "~/parts/States";
import type { Secret } from "./SecretDialog";

const RESETS = [
  { value: "", label: "Never" }, { value: "daily", label: "Every day, 00:00 UTC" },
  { value: "weekly", label: "Every Monday, 00:00 UTC" }, { value: "monthly", label: "Every first of the month, 00:00 UTC" },
];

const CONTENT = [
  { value: "", label: "Kept if its workspace keeps it" }, { value: "true", label: "Kept" }, { value: "false", label: "Not kept" },
];

/** What was typed; text while it is being typed. */
const amountOf = (typed: number | string) => (typed === "" ? null : Number(typed));

type Props = { existing?: Key; onClose: () => void; onMade: (secret: Secret) => void };

export function KeyForm({ existing, onClose, onMade }: Props) {
  const client = useQueryClient();
  const [name, setName] = useState(existing?.name ?? "");
  const [limit, setLimit] = useState<number | string>(existing?.limit ?? "");
  const [reset, setReset] = useState<string>(existing?.limit_reset ?? "");
  const [expires, setExpires] = useState("");
  const [calls, setCalls] = useState<number | string>(existing?.rate_limits?.find((row) => row.window === "minute")?.requests ?? "");
  const [content, setContent] = useState(existing?.io_logging === undefined || existing.io_logging === null ? "" : String(existing.io_logging));
  const amount = amountOf(limit);
  const save = useMutation({
    mutationFn: async () => {
      const otherRates = (existing?.rate_limits ?? []).filter((row) => row.window !== "minute" || row.requests === undefined);
      const body = {
        name,
        limit: amount,
        limit_reset: (amount !== null && reset ? reset : null) as Schemas["KeyChange"]["limit_reset"],
        io_logging: content === "" ? null : content === "true",
        rate_limits: [...otherRates, ...(calls === "" ? [] : [{ requests: Number(calls), window: "minute" as const }])],
      };
      if (existing) {
        await told(api.PATCH("/keys/{hash}", { params: { path: { hash: existing.hash } }, body }));
        return undefined;
      }
      const expires_at = expires ? new Date(expires).toISOString() : undefined;
      return told(api.POST("/keys", { body: { ...body, ...(expires_at ? { expires_at } : {}) } }));
    },
    onSuccess: async (made) => {
      await client.invalidateQueries({ queryKey: keys.queryKey });
      onClose();
      if (made) onMade({ name, key: made.key });
    },
  });
  const wrong = save.error instanceof ApiError ? save.error.field : undefined;
  const errorOf = (field: string) => (wrong === field ? save.error?.message : undefined);
  return (
    <Modal opened onClose={onClose} title={existing ? `Change ${existing.name}` : "Create a key"}>
      <form onSubmit={(event) => { event.preventDefault(); save.mutate(); }}>
        <Stack gap="sm">
          <TextInput label="Name" description="Of the program or person that gets it" required data-autofocus value={name} onChange={(event) => setName(event.currentTarget.value)} error={errorOf("name")} />
          <Group grow align="flex-start">
            <NumberField label="Limit, USD" prefix="$" placeholder="No limit" value={limit} onChange={setLimit} error={errorOf("limit")} />
            <Select label="Starts anew" data={RESETS} value={reset} onChange={(value) => setReset(value ?? "")} disabled={amount === null} allowDeselect={false} />
          </Group>
          <Group grow align="flex-start">
            <NumberField label="Calls per minute" placeholder="No limit" isWhole value={calls} onChange={setCalls} />
            {!existing && <TextInput type="datetime-local" label="Ends" value={expires} onChange={(event) => setExpires(event.currentTarget.value)} error={errorOf("expires_at")} />}
          </Group>
          <Select label="Content of its calls" data={CONTENT} value={content} onChange={(value) => setContent(value ?? "")} allowDeselect={false} />
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
