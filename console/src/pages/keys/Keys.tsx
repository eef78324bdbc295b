// Who may call, and for how much: create, change, replace, disable and delete keys.
import { ActionIcon, Badge, Box, Button, Group, Menu, Paper, Text, TextInput } from "@mantine/core";
import { IconDots, IconKey, IconPlus, IconSearch } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, told } from "~/api/client";
import { type Key, keys } from "~/api/queries";
import { Confirm } from "~/parts/confirm";
import { Instant, Meter } from "~/parts/Figures";
import { usd } from "~/parts/format";
import { lazily } from "~/parts/lazily";
import { Made, statementOf } from "~/parts/Made";
import { notify } from "~/parts/notices";
import { Page } from "~/parts/Page";
import { Empty, Failure, Waiting } from "~/parts/States";
import { Scroll, Table } from "~/parts/Table";
import type { Secret } from "./SecretDialog";

const KeyForm = lazily(async () => (await import("./KeyForm")).KeyForm);
const RotateKey = lazily(async () => (await import("./RotateKey")).RotateKey);
const SecretDialog = lazily(async () => (await import("./SecretDialog")).SecretDialog);

/** What is open beside the list. */
type Open = { kind: "create" } | { kind: "edit" | "rotate"; key: Key };

export default function Keys() {
  const found = useQuery(keys);
  const [open, setOpen] = useState<Open>();
  const [secret, setSecret] = useState<Secret>();
  const [search, setSearch] = useState("");
  const create = <Button leftSection={<IconPlus size={16} />} onClick={() => setOpen({ kind: "create" })}>Create a key</Button>;
  const words = search.toLowerCase();
  const shown = (found.data ?? []).filter((key) => `${key.name} ${key.label} ${key.hash}`.toLowerCase().includes(words));
  return (
    <Page title="Keys" about="A key lets a program call models. Its limit is hard: no call starts that could go over it." actions={create}>
      {(found.data?.length ?? 0) > 8 && (
        <TextInput aria-label="Search keys" placeholder="Name, label or hash" leftSection={<IconSearch size={15} />} w={280} mb="sm" value={search} onChange={(event) => setSearch(event.currentTarget.value)} />
      )}
      <Paper className="sheet">
        {found.isPending && <Waiting />}
        {found.isError && <Box p="md"><Failure error={found.error} retry={() => void found.refetch()} /></Box>}
        {found.data?.length === 0 && (
          <Empty title="No key yet" icon={<IconKey size={30} stroke={1.4} />} action={create}>
            Create one for each program or person, with a limit, so that you can tell them apart and switch one off alone.
          </Empty>
        )}
        {found.isSuccess && found.data.length > 0 && shown.length === 0 && <Empty title="No key has this name">Look for another part of its name, label or hash.</Empty>}
        {shown.length > 0 && (
          <Scroll>
            <Table miw={860} highlightOnHover>
              <Table.Thead>
                <Table.Tr>
                  {["Key", "Spent of its limit", "Starts anew", "Today", "In all", "Ends", ""].map((title) => (
                    <Table.Th key={title} fz="xs" fw={500} c="dimmed" ta={["Today", "In all"].includes(title) ? "right" : "left"}>{title || <span className="visually-hidden">Actions</span>}</Table.Th>
                  ))}
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>{shown.map((key) => <Row key={key.hash} row={key} onOpen={setOpen} />)}</Table.Tbody>
            </Table>
          </Scroll>
        )}
      </Paper>
      {open?.kind === "create" && <KeyForm onClose={() => setOpen(undefined)} onMade={setSecret} />}
      {open?.kind === "edit" && <KeyForm existing={open.key} onClose={() => setOpen(undefined)} onMade={setSecret} />}
      {open?.kind === "rotate" && <RotateKey existing={open.key} onClose={() => setOpen(undefined)} onMade={setSecret} />}
      {secret && <SecretDialog secret={secret} onClose={() => setSecret(undefined)} />}
    </Page>
  );
}

/** What has been spent in the present window of the limit, USD. */
export function spentOfLimit(key: Key): number {
  if (key.limit !== null && key.limit_remaining !== null && key.limit_remaining !== undefined) return Math.max(0, key.limit - key.limit_remaining);
  const windows: Record<string, number> = { daily: key.usage_daily, weekly: key.usage_weekly, monthly: key.usage_monthly };
  return windows[key.limit_reset ?? ""] ?? key.usage;
}

/** The day (UTC) on which that window began; nothing for all of time. Weeks begin on Monday. */
function firstDay(window: string | null | undefined): string | undefined {
  const day = new Date();
  if (window === "weekly") day.setUTCDate(day.getUTCDate() - ((day.getUTCDay() + 6) % 7));
  else if (window === "monthly") day.setUTCDate(1);
  else if (window !== "daily") return undefined;
  return day.toISOString().slice(0, 10);
}

function Row({ row: key, onOpen }: { row: Key; onOpen: (open: Open) => void }) {
  const client = useQueryClient();
  const refresh = () => client.invalidateQueries({ queryKey: keys.queryKey });
  const path = { params: { path: { hash: key.hash } } };
  const switchTo = async (disabled: boolean) => {
    await told(api.PATCH("/keys/{hash}", { ...path, body: { disabled } }));
    await refresh();
  };
  const toggle = async () => {
    await switchTo(!key.disabled);
    void notify({ title: `${key.name} is ${key.disabled ? "switched on" : "switched off"}`, undo: () => switchTo(key.disabled) });
  };
  const since = (window: string | null | undefined) => statementOf({ key: key.hash, from: firstDay(window) });
  const hasEnded = key.expires_at !== null && key.expires_at !== undefined && Date.parse(key.expires_at) < Date.now();
  return (
    <Table.Tr style={key.disabled || hasEnded ? { color: "var(--mantine-color-dimmed)" } : undefined}>
      <Table.Td>
        <Group gap={8}>
          <Text fw={500}>{key.name}</Text>
          {key.disabled && <Badge color="gray">off</Badge>}
          {hasEnded && <Badge color="gray">ended</Badge>}
          {key.disabled_reason && <Badge color="stamp">{key.disabled_reason}</Badge>}
          {(key.rate_limits ?? []).map((row, index) => <Badge key={index} color="gray" data-bottom>{rate(row)}</Badge>)}
        </Group>
        <Text size="xs" c="dimmed" className="mono">{key.label}</Text>
      </Table.Td>
      <Table.Td><Meter used={spentOfLimit(key)} limit={key.limit} of={since(key.limit_reset)} label={`What ${key.name} has spent of its limit`} /></Table.Td>
      <Table.Td fz="sm">{key.limit === null ? "–" : key.limit_reset ?? "never"}</Table.Td>
      <Table.Td className="num" fz="sm"><Made of={since("daily")} label={`${key.name} today: ${usd(key.usage_daily)}`}>{usd(key.usage_daily)}</Made></Table.Td>
      <Table.Td className="num" fz="sm"><Made of={since(null)} label={`${key.name} in all: ${usd(key.usage)}`}>{usd(key.usage)}</Made></Table.Td>
      <Table.Td fz="sm">{key.expires_at ? <Instant at={key.expires_at} /> : "never"}</Table.Td>
      <Table.Td w={48}>
        <Confirm
          title={`Delete ${key.name}?`} verb="Delete the key"
          act={async () => { await told(api.DELETE("/keys/{hash}", path)); await refresh(); }}
          trigger={(ask) => (
            <Menu position="bottom-end" shadow="md">
              <Menu.Target><ActionIcon aria-label={`Actions for ${key.name}`}><IconDots size={17} /></ActionIcon></Menu.Target>
              <Menu.Dropdown>
                <Menu.Item onClick={() => onOpen({ kind: "edit", key })}>Change name and limit</Menu.Item>
                <Menu.Item onClick={() => onOpen({ kind: "rotate", key })}>Replace, with time for both</Menu.Item>
                <Menu.Item onClick={() => void toggle()}>{key.disabled ? "Switch on" : "Switch off"}</Menu.Item>
                <Menu.Divider />
                <Menu.Item color="stamp" onClick={ask}>Delete</Menu.Item>
              </Menu.Dropdown>
            </Menu>
          )}
        >
          Programs that use it are refused within a second, and it cannot be brought back. Its calls and what they cost stay in the records.
        </Confirm>
      </Table.Td>
    </Table.Tr>
  );
}

function rate(row: NonNullable<Key["rate_limits"]>[number]): string {
  const parts = [];
  if (row.requests !== undefined) parts.push(`${row.requests} calls/${row.window}`);
  if (row.tokens !== undefined) parts.push(`${row.tokens} tokens/${row.window}`);
  if (row.concurrent !== undefined) parts.push(`${row.concurrent} at once`);
  return parts.join(", ");
}
