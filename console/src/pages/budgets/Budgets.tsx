// Limits of any kind: of keys, workspaces, members, apps, end users, metadata, and of the whole house.
import { ActionIcon, Badge, Box, Button, Group, Menu, Paper, Text } from "@mantine/core";
import { IconDots, IconGauge, IconPlus } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, told, type Schemas } from "~/api/client";
import { budgets, type Key, keys, workspaces } from "~/api/queries";
import { Confirm } from "~/parts/confirm";
import { Meter } from "~/parts/Figures";
import { usd } from "~/parts/format";
import { lazily } from "~/parts/lazily";
import { notify } from "~/parts/notices";
import { Page } from "~/parts/Page";
import { Empty, Failure, Waiting } from "~/parts/States";
import { Scroll, Table } from "~/parts/Table";
import { madeOf } from "./madeOf";

const BudgetForm = lazily(async () => (await import("./BudgetForm")).BudgetForm);

type Budget = Schemas["Budget"];

export default function Budgets() {
  const found = useQuery(budgets);
  const [open, setOpen] = useState<"new" | Budget>();
  const create = <Button leftSection={<IconPlus size={16} />} onClick={() => setOpen("new")}>Create a budget</Button>;
  return (
    <Page title="Budgets" about="A hard budget is never exceeded, by any number of calls at once or servers; a warning one only tells." actions={create}>
      <Paper className="sheet">
        {found.isPending && <Waiting />}
        {found.isError && <Box p="md"><Failure error={found.error} retry={() => void found.refetch()} /></Box>}
        {found.data?.length === 0 && (
          <Empty title="No budget yet" icon={<IconGauge size={30} stroke={1.4} />} action={create}>
            Start with one for the whole house and month: whatever goes wrong, it costs no more than that.
          </Empty>
        )}
        {(found.data?.length ?? 0) > 0 && (
          <Scroll>
            <Table miw={820} highlightOnHover>
              <Table.Thead>
                <Table.Tr>
                  {["Of", "Window", "Spent", "Held by calls under way", "Kind", ""].map((title) => (
                    <Table.Th key={title} fz="xs" fw={500} c="dimmed" ta={title.startsWith("Held") ? "right" : "left"}>{title || <span className="visually-hidden">Actions</span>}</Table.Th>
                  ))}
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>{found.data?.map((budget) => <Row key={budget.id} budget={budget} onEdit={setOpen} />)}</Table.Tbody>
            </Table>
          </Scroll>
        )}
      </Paper>
      {open && <BudgetForm existing={open === "new" ? undefined : open} onClose={() => setOpen(undefined)} />}
    </Page>
  );
}

function Row({ budget, onEdit }: { budget: Budget; onEdit: (budget: Budget) => void }) {
  const client = useQueryClient();
  const refresh = () => client.invalidateQueries({ queryKey: budgets.queryKey });
  const path = { params: { path: { id: budget.id } } };
  const isOurs = budget.id.startsWith("budget-");
  const switchTo = async (enabled: boolean) => {
    await told(api.PATCH("/budgets/{id}", { ...path, body: { enabled } }));
    await refresh();
  };
  const toggle = async () => {
    await switchTo(!budget.enabled);
    void notify({ title: `The budget is ${budget.enabled ? "switched off" : "switched on"}`, undo: () => switchTo(budget.enabled) });
  };
  return (
    <Table.Tr style={budget.enabled ? undefined : { color: "var(--mantine-color-dimmed)" }}>
      <Table.Td><Whose budget={budget} /></Table.Td>
      <Table.Td fz="sm">{budget.window}</Table.Td>
      <Table.Td><Meter used={budget.spent} limit={budget.limit} of={madeOf(budget)} label={`Spent of the budget of ${budget.subject} ${budget.subject_id}`} /></Table.Td>
      <Table.Td className="num" fz="sm" data-bottom>{usd(budget.leased)}</Table.Td>
      <Table.Td>
        <Badge color={budget.enforcement === "hard" ? "carbon" : "amber"}>{budget.enforcement === "hard" ? "hard" : "warns"}</Badge>
        {!budget.enabled && <Badge color="gray" ml={6}>off</Badge>}
      </Table.Td>
      <Table.Td w={48}>
        {isOurs && (
          <Confirm
            title="Delete this budget?" verb="Delete the budget"
            act={async () => { await told(api.DELETE("/budgets/{id}", path)); await refresh(); }}
            trigger={(ask) => (
              <Menu position="bottom-end" shadow="md">
                <Menu.Target><ActionIcon aria-label={`Actions for the budget of ${budget.subject} ${budget.subject_id}`}><IconDots size={17} /></ActionIcon></Menu.Target>
                <Menu.Dropdown>
                  <Menu.Item onClick={() => onEdit(budget)}>Change</Menu.Item>
                  <Menu.Item onClick={() => void toggle()}>{budget.enabled ? "Switch off" : "Switch on"}</Menu.Item>
                  <Menu.Divider />
                  <Menu.Item color="stamp" onClick={ask}>Delete</Menu.Item>
                </Menu.Dropdown>
              </Menu>
            )}
          >
            Calls under it are no longer limited by it. What was spent stays in the ledger.
          </Confirm>
        )}
      </Table.Td>
    </Table.Tr>
  );
}

const subjects: Record<string, string> = {
  organization: "The whole house", workspace: "Workspace", member: "Member", key: "Key", app: "App", end_user: "End user", metadata: "Calls with",
};

function Whose({ budget }: { budget: Budget }) {
  const allKeys = useQuery(keys);
  const allWorkspaces = useQuery(workspaces);
  const names: Record<string, string | undefined> = {
    key: allKeys.data?.find((key: Key) => key.hash === budget.subject_id)?.name,
    workspace: allWorkspaces.data?.find((workspace) => workspace.id === budget.subject_id)?.name,
  };
  return (
    <Group gap={6}>
      <Text fw={500} size="sm">{subjects[budget.subject] ?? budget.subject}</Text>
      <Text size="sm" maw={340} truncate>{names[budget.subject] ?? budget.subject_id}</Text>
      {!budget.id.startsWith("budget-") && <Text size="xs" c="dimmed">{budget.subject === "key" ? "its limit; change it at the key" : "changed at the workspace"}</Text>}
    </Group>
  );
}
