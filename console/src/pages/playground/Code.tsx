// What was said, as the code of each client.
import { Tabs, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { standing } from "~/api/session";
import { CodeBlock } from "~/parts/Copy";
import { clients } from "~/parts/snippets";
import type { Body } from "./conversation";

export function Code({ body }: { body: Body }) {
  const { data } = useQuery(standing);
  const said = body.messages.length > 0 ? body : { ...body, messages: [{ role: "user", content: "Say hello." }] };
  const where = { url: data?.public_url ?? window.location.origin, key: "$WAYBILL_API_KEY", model: String(body.model), body: said as Record<string, unknown> };
  return (
    <Tabs defaultValue={clients[0]!.id}>
      <Tabs.List mb="sm">{clients.map((client) => <Tabs.Tab key={client.id} value={client.id}>{client.label}</Tabs.Tab>)}</Tabs.List>
      {clients.map((client) => (
        <Tabs.Panel key={client.id} value={client.id}>
          {client.id === "claude-code" && <Text size="sm" c="dimmed" mb="xs">Claude Code has conversations of its own; it is told where to go, and whom to ask.</Text>}
          <Lines code={client.code(where)} />
        </Tabs.Panel>
      ))}
    </Tabs>
  );
}

/** Bytes of attachments would fill the page: their beginning stands for them; all of them are copied. */
function Lines({ code }: { code: string }) {
  return <CodeBlock code={code} shown={code.replace(/([A-Za-z0-9+/]{120})[A-Za-z0-9+/]{400,}={0,2}/g, "$1…")} />;
}
