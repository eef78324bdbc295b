// Adds a server of one's own in three fields; its models are found by asking it.
import { Button, Checkbox, Group, Modal, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api, ApiError, told } from "~/api/client";
import { notify } from "~/parts/notices";
import { Failure } from "~/parts/States";
import { useRefresh } from "./refresh";

export function OwnProviderForm({ onClose }: { onClose: () => void }) {
  const refresh = useRefresh();
  const [name, setName] = useState("");
  const [url, setUrl] = useState("http://127.0.0.1:8000/v1");
  const [key, setKey] = useState("");
  const [isFree, setFree] = useState(true);
  const [input, setInput] = useState("");
  const [output, setOutput] = useState("");
  const save = useMutation({
    mutationFn: () => told(api.POST("/providers/own", {
      body: { name, base_url: url, ...(key ? { key } : {}), ...(isFree ? {} : { input_price: input, output_price: output }) },
    })),
    onSuccess: async (made) => {
      await refresh();
      void notify({ title: `${made.data.name} serves ${made.data.models.length === 1 ? "one model" : `${made.data.models.length} models`}` });
      onClose();
    },
  });
  const wrong = save.error instanceof ApiError ? save.error.field : undefined;
  const errorOf = (field: string) => (wrong === field ? save.error?.message : undefined);
  const isPlaced = wrong === "name" || wrong === "base_url" || wrong === "input_price";
  return (
    <Modal opened onClose={onClose} title="Add your own server">
      <form onSubmit={(event) => { event.preventDefault(); save.mutate(); }}>
        <Stack gap="sm">
          <TextInput label="Name" placeholder="My vLLM" required data-autofocus value={name} onChange={(event) => setName(event.currentTarget.value)} error={errorOf("name")} />
          <TextInput label="Base URL" description="vLLM: http://host:8000/v1, Ollama: http://host:11434/v1, LM Studio: http://host:1234/v1" required value={url} onChange={(event) => setUrl(event.currentTarget.value)} error={errorOf("base_url")} />
          <PasswordInput label="Key" description="Only if it asks for one" autoComplete="off" value={key} onChange={(event) => setKey(event.currentTarget.value)} />
          <Checkbox label="Calls cost nothing" checked={isFree} onChange={(event) => setFree(event.currentTarget.checked)} />
          {!isFree && (
            <Group grow align="flex-start">
              <TextInput label="Input, USD per M tokens" required value={input} onChange={(event) => setInput(event.currentTarget.value)} error={errorOf("input_price")} />
              <TextInput label="Output, USD per M tokens" required value={output} onChange={(event) => setOutput(event.currentTarget.value)} />
            </Group>
          )}
          {save.isPending && <Text size="sm" c="dimmed">Asking it for its models…</Text>}
          {save.isError && !isPlaced && <Failure error={save.error} />}
          <Group justify="flex-end" gap="xs" mt="xs">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <Button type="submit" loading={save.isPending}>Add</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
