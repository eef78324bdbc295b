// Who serves: credentials, how every endpoint does just now, and the whole list with data policies.
import { Button, Stack, Tabs } from "@mantine/core";
import { IconPlus, IconServer } from "@tabler/icons-react";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { lazily } from "~/parts/lazily";
import { Page } from "~/parts/Page";
import type { ProvidersSearch } from "~/router";
import { Credentials } from "./Credentials";
import type { Open } from "./open";
import { OwnProviders } from "./OwnProviders";
import { WorkspaceCredentials } from "./WorkspaceCredentials";

const CredentialForm = lazily(async () => (await import("./CredentialForm")).CredentialForm);
const OwnProviderForm = lazily(async () => (await import("./OwnProviderForm")).OwnProviderForm);
const AllProviders = lazily(async () => (await import("./AllProviders")).AllProviders);
const Health = lazily(async () => (await import("./Health")).Health);

const route = getRouteApi("/house/providers");

export default function Providers() {
  const { view = "credentials" } = route.useSearch();
  const navigate = useNavigate({ from: "/providers" });
  const [open, setOpen] = useState<Open>();
  const show = (view: string | null) => void navigate({ search: view === "credentials" ? {} : { view: view as ProvidersSearch["view"] }, replace: true });
  return (
    <Page
      title="Providers" about="A provider can be called as soon as it has a credential. Credentials are sealed in the database; nobody can read them back."
      actions={
        <>
          <Button variant="default" leftSection={<IconServer size={16} />} onClick={() => setOpen({ kind: "own" })}>Add your own server</Button>
          <Button leftSection={<IconPlus size={16} />} onClick={() => setOpen({ kind: "credential" })}>Add a credential</Button>
        </>
      }
    >
      <Tabs value={view} onChange={show} keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="credentials">Credentials</Tabs.Tab>
          <Tabs.Tab value="health">Health</Tabs.Tab>
          <Tabs.Tab value="all">Every provider</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="credentials">
          <Stack gap="lg">
            <Credentials onOpen={setOpen} />
            <WorkspaceCredentials />
            <OwnProviders onOpen={setOpen} />
          </Stack>
        </Tabs.Panel>
        <Tabs.Panel value="health"><Health /></Tabs.Panel>
        <Tabs.Panel value="all"><AllProviders onOpen={setOpen} /></Tabs.Panel>
      </Tabs>
      {open?.kind === "credential" && <CredentialForm provider={open.provider} onClose={() => setOpen(undefined)} />}
      {open?.kind === "own" && <OwnProviderForm onClose={() => setOpen(undefined)} />}
    </Page>
  );
}
