// How many calls come to their end. For whoever is signed in, and for anybody where the house wants that.
import { Box, Group, Paper, SegmentedControl, SimpleGrid, Tabs, Text } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck, IconHeartbeat, IconMoon, IconPlugConnectedX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { standing } from "~/api/session";
import { status, type Status as Told } from "~/api/status";
import { Figure, Instant } from "~/parts/Figures";
import { count, duration, percent } from "~/parts/format";
import { LinkButton, LinkText } from "~/parts/links";
import { callsOf, Made } from "~/parts/Made";
import { Page } from "~/parts/Page";
import { Empty, Failure, Waiting } from "~/parts/States";
import { Mark } from "~/shell/Mark";
import { Shell, ThemeSwitch } from "~/shell/Shell";
import type { StatusSearch } from "~/router";
import { Incidents } from "./Incidents";
import { type By, Lines, type Report } from "./Lines";
import { Shares, type Span } from "./Shares";

const route = getRouteApi("/status");

export default function Status() {
  const known = useQuery(standing);
  if (known.isPending) return null;
  const isSignedIn = known.data?.signed_in === true;
  const page = <Found isSignedIn={isSignedIn} />;
  return isSignedIn ? <Shell>{page}</Shell> : <Public>{page}</Public>;
}

/** What stands around the page for those who are not signed in. */
function Public({ children }: { children: ReactNode }) {
  return (
    <Box mih="100dvh">
      <Box component="header" style={{ background: "var(--sheet)", borderBottom: "1px solid var(--rule)" }}>
        <Box maw={1480} mx="auto" px={{ base: "md", sm: "xl" }}>
          <Group h={52} justify="space-between">
            <Group gap={9}><Mark /><Text fw={600} fz="lg">Waybill</Text></Group>
            <Group gap={6}><LinkText to="/sign-in" search={{ to: "/status" }} size="sm">Sign in</LinkText><ThemeSwitch /></Group>
          </Group>
        </Box>
      </Box>
      <main>{children}</main>
    </Box>
  );
}

function Found({ isSignedIn }: { isSignedIn: boolean }) {
  const { by = "models", days } = route.useSearch();
  const navigate = useNavigate({ from: "/status" });
  const change = (part: Partial<StatusSearch>) => void navigate({ search: (before: StatusSearch) => ({ ...before, ...part }), replace: true });
  const found = useQuery(status(isSignedIn));
  const span: Span = days ? "days" : "hours";
  return (
    <Page
      title="Status" about="How many calls came to their end: not whether a provider can be reached, but whether answers arrived whole."
      actions={
        <SegmentedControl
          aria-label="Period" value={span} onChange={(value) => change({ days: value === "days" || undefined })}
          data={[{ value: "hours", label: "24 hours" }, { value: "days", label: "30 days" }]}
        />
      }
    >
      {found.isPending && <Paper className="sheet"><Waiting /></Paper>}
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {found.data && <Shown told={found.data} by={by} span={span} isSignedIn={isSignedIn} onBy={(by) => change({ by: by === "models" ? undefined : by })} />}
    </Page>
  );
}

type ShownProps = { told: Told; by: By; span: Span; isSignedIn: boolean; onBy: (by: By) => void };

function Shown({ told, by, span, isSignedIn, onBy }: ShownProps) {
  const { report } = told;
  const hasAny = report.endpoints.length > 0 || report.house.completion_30d !== null;
  return (
    <>
      <Verdict report={report} span={span} isSignedIn={isSignedIn} />
      {!hasAny && (
        <Paper className="sheet" mb="md">
          <Empty title="No call within thirty days" icon={<IconHeartbeat size={30} stroke={1.4} />} action={isSignedIn && <LinkButton to="/start">Make the first one</LinkButton>}>
            From the first call on, it stands here how many of them come to their end.
          </Empty>
        </Paper>
      )}
      {hasAny && (
        <Paper className="sheet" mb="md">
          <Tabs value={by} onChange={(value) => onBy((value ?? "models") as By)}>
            <Tabs.List px="md" pt={6}>
              <Tabs.Tab value="models">Models</Tabs.Tab>
              <Tabs.Tab value="providers">Providers</Tabs.Tab>
              <Tabs.Tab value="endpoints">Endpoints</Tabs.Tab>
            </Tabs.List>
            <Tabs.Panel value={by}><Lines report={report} by={by} span={span} isSignedIn={isSignedIn} /></Tabs.Panel>
          </Tabs>
        </Paper>
      )}
      <Incidents all={report.incidents} isSignedIn={isSignedIn} />
      <Group justify="space-between" mt="md" gap="xs">
        <Text size="sm" c="dimmed">As of <Instant at={report.as_of} />. Callers that left and requests that nobody could have served are not counted.</Text>
        {isSignedIn && <Text size="sm" c="dimmed">{told.is_public ? "Anybody may look at this page." : "Only who is signed in may look at this page."} <LinkText to="/settings" size="sm" underline="always">Settings</LinkText></Text>}
      </Group>
    </>
  );
}

const verdicts = {
  operational: ["Calls come to their end", "var(--good)", IconCircleCheck],
  degraded: ["Some calls fail", "var(--warn)", IconAlertTriangle],
  down: ["Most calls fail", "var(--bad)", IconPlugConnectedX],
  quiet: ["Nobody has called within the last hour", "var(--mantine-color-dimmed)", IconMoon],
} as const;

function Verdict({ report, span, isSignedIn }: { report: Report; span: Span; isSignedIn: boolean }) {
  // Visitors may look at shares and times, and at no call.
  const of = (days: number, outcome?: string) => (isSignedIn ? callsOf({ span: days * 86_400, outcome }) : null);
  const [words, color, Icon] = verdicts[report.verdict];
  const { house } = report;
  const failed = house.counts;
  return (
    <Paper className="sheet" p="lg" mb="md" component="section" aria-label="The house">
      <Group gap={10} mb="md" c={color}><Icon size={24} /><Text fz="xl" fw={600} c="var(--mantine-color-text)">{words}</Text></Group>
      <SimpleGrid cols={{ base: 2, sm: 4 }} spacing="md" mb="lg">
        <Figure name="Completed, 24 hours" value={percent(house.completion_1d, 2)} of={of(1)} note={failed && <Made of={of(1, failed.failed_1d > 0 ? "failed" : undefined)}>{`${count(failed.failed_1d)} of ${count(failed.calls_1d)} failed`}</Made>} />
        <Figure name="Completed, 30 days" value={percent(house.completion_30d, 2)} of={of(30)} note={failed && <Made of={of(30, failed.failed_30d > 0 ? "failed" : undefined)}>{`${count(failed.failed_30d)} of ${count(failed.calls_30d)} failed`}</Made>} />
        <Figure name="First token, p50" value={duration(house.first_token_ms?.p50)} of={of(1)} note={house.first_token_ms ? <Made again of={of(1)}>{`p95 ${duration(house.first_token_ms.p95)}`}</Made> : undefined} />
        <Figure name="Whole answer, p50" value={duration(house.total_ms?.p50)} of={of(1)} note={house.total_ms ? <Made again of={of(1)}>{`p95 ${duration(house.total_ms.p95)}`}</Made> : undefined} />
      </SimpleGrid>
      <Shares name="The house" shares={span === "hours" ? house.by_hour : house.by_day} from={span === "hours" ? report.hours_from : report.days_from} span={span} />
      <Group justify="space-between" mt={4}><Text size="xs" c="dimmed">{span === "hours" ? "24 hours ago" : "30 days ago"}</Text><Text size="xs" c="dimmed">now</Text></Group>
    </Paper>
  );
}
