// The console's password, who is signed in, how the console looks, and this server.
import { Anchor, Badge, Button, Group, Paper, PasswordInput, SegmentedControl, Stack, Text, Title, useMantineColorScheme } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, told } from "~/api/client";
import { readiness } from "~/api/queries";
import { standing } from "~/api/session";
import { CopyIcon } from "~/parts/Copy";
import { Confirm } from "~/parts/confirm";
import { Facts, Instant } from "~/parts/Figures";
import { LinkText } from "~/parts/links";
import { notify } from "~/parts/notices";
import { Page } from "~/parts/Page";
import { Failure, Waiting } from "~/parts/States";
import { Scroll, Table } from "~/parts/Table";
import { Workspaces } from "./Workspaces";
import { StatusPage } from "./StatusPage";

const sessions = {
  queryKey: ["sessions"],
  queryFn: async () => (await told(api.GET("/console/sessions"))).data,
};

export default function Settings() {
  return (
    <Page title="Settings" about={<>Where calls are told has a page of its own: <LinkText to="/destinations" underline="always">Destinations</LinkText>.</>}>
      <Stack gap="lg" maw={860}>
        <Server />
        <Workspaces />
        <Password />
        <Sessions />
        <StatusPage />
        <Look />
      </Stack>
    </Page>
  );
}

function Server() {
  const { data } = useQuery(standing);
  const ready = useQuery(readiness);
  const base = `${data?.public_url ?? ""}/api/v1`;
  const notes = [...(ready.data?.reasons ?? []), ...(ready.data?.notices ?? [])];
  return (
    <Paper className="sheet" p="lg">
      <Title order={2} mb="sm">This server</Title>
      <Facts
        rows={[
          ["Base URL", <Group gap={4}><span className="mono">{base}</span><CopyIcon value={base} label="Copy the base URL" /></Group>],
          ["Version", data?.version],
          ["State", ready.data && <Badge color={ready.data.status === "ready" ? "leaf" : "stamp"}>{ready.data.status}</Badge>],
          ["Notices", notes.length > 0 ? notes.join("; ") : "none"],
          ["API", <Anchor href="/api/v1/openapi.json" size="sm">openapi.json</Anchor>],
          ["Counters", <Anchor href="/metrics" size="sm">Prometheus</Anchor>],
        ]}
      />
    </Paper>
  );
}

function Password() {
  const client = useQueryClient();
  const { data } = useQuery(standing);
  const [password, setPassword] = useState("");
  const [current, setCurrent] = useState("");
  const needsCurrent = data?.session?.proof === "password";
  const after = async () => {
    setPassword("");
    setCurrent("");
    await client.invalidateQueries({ queryKey: standing.queryKey });
    await client.invalidateQueries({ queryKey: sessions.queryKey });
  };
  const save = useMutation({
    mutationFn: () => told(api.PUT("/console/password", { body: { password, ...(needsCurrent ? { current } : {}) } })),
    onSuccess: async () => {
      await after();
      void notify({ title: "The password is set; other sessions have ended" });
    },
  });
  return (
    <Paper className="sheet" p="lg">
      <Title order={2}>Password</Title>
      <Text c="dimmed" mb="sm">{data?.has_password ? "Set. A new one ends every other session." : "None yet: keys and one-time links let in. Set one to sign in without a key at hand."}</Text>
      <form onSubmit={(event) => { event.preventDefault(); save.mutate(); }}>
        <Stack gap="sm" maw={380}>
          {needsCurrent && <PasswordInput label="Present password" autoComplete="current-password" required value={current} onChange={(event) => setCurrent(event.currentTarget.value)} />}
          <PasswordInput label="New password" description="10 characters or more" autoComplete="new-password" required minLength={10} value={password} onChange={(event) => setPassword(event.currentTarget.value)} />
          {save.isError && <Failure error={save.error} />}
          <Group gap="xs">
            <Button type="submit" loading={save.isPending}>{data?.has_password ? "Change the password" : "Set the password"}</Button>
            {data?.has_password && (
              <Confirm
                title="Remove the password?" verb="Remove it" act={async () => { await told(api.DELETE("/console/password")); await after(); }}
                trigger={(ask) => <Button variant="subtle" color="stamp" onClick={ask}>Remove it</Button>}
              >
                From then on only management keys and one-time links let in.
              </Confirm>
            )}
          </Group>
        </Stack>
      </form>
    </Paper>
  );
}

const proofs = { key: "management key", password: "password", link: "one-time link" } as const;

function Sessions() {
  const client = useQueryClient();
  const found = useQuery(sessions);
  const end = async (id: string) => {
    await told(api.DELETE("/console/sessions/{id}", { params: { path: { id } } }));
    await client.invalidateQueries({ queryKey: sessions.queryKey });
  };
  return (
    <Paper className="sheet" p="lg">
      <Title order={2} mb="sm">Who is signed in</Title>
      {found.isPending && <Waiting rows={2} />}
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {found.data && (
        <Scroll minWidth={560}>
          <Table>
            <Table.Thead>
              <Table.Tr>{["Browser", "By", "Since", "Ends", ""].map((title) => <Table.Th key={title} fz="xs" c="dimmed" fw={500}>{title || <span className="visually-hidden">Actions</span>}</Table.Th>)}</Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {found.data.map((session) => (
                <Table.Tr key={session.id}>
                  <Table.Td fz="sm">{browser(session.user_agent)} {session.is_current && <Badge color="carbon" ml={4}>this one</Badge>}</Table.Td>
                  <Table.Td fz="sm">{proofs[session.proof]}</Table.Td>
                  <Table.Td fz="sm"><Instant at={session.created_at} /></Table.Td>
                  <Table.Td fz="sm"><Instant at={session.expires_at} /></Table.Td>
                  <Table.Td ta="right">
                    {!session.is_current && (
                      <Confirm
                        title="End this session?" verb="End it" act={() => end(session.id)}
                        trigger={(ask) => <Button size="compact-sm" variant="default" onClick={ask}>End</Button>}
                      >
                        Whoever is at that browser has to sign in again.
                      </Confirm>
                    )}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Scroll>
      )}
    </Paper>
  );
}

/** The name of a browser and its system, as far as it tells. */
function browser(agent: string): string {
  const names: [RegExp, string][] = [[/Edg\//, "Edge"], [/Firefox\//, "Firefox"], [/Chrom(e|ium)\//, "Chrome"], [/Safari\//, "Safari"]];
  const systems: [RegExp, string][] = [[/Windows/, "Windows"], [/Android/, "Android"], [/iPhone|iPad/, "iOS"], [/Mac OS/, "macOS"], [/Linux/, "Linux"]];
  const of = (list: [RegExp, string][]) => list.find(([pattern]) => pattern.test(agent))?.[1];
  const [name, system] = [of(names), of(systems)];
  return name ? `${name}${system ? ` on ${system}` : ""}` : agent || "unknown";
}

function Look() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <Paper className="sheet" p="lg">
      <Title order={2} mb="sm">Theme</Title>
      <SegmentedControl
        aria-label="Theme" value={colorScheme} onChange={(value) => setColorScheme(value as "auto" | "light" | "dark")}
        data={[{ value: "auto", label: "As the system" }, { value: "light", label: "Light" }, { value: "dark", label: "Dark" }]}
      />
    </Paper>
  );
}
