// Models, apps and sessions by what they take, from our own traffic.
import { Group, SegmentedControl, SimpleGrid } from "@mantine/core";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { Page } from "~/parts/Page";
import type { RankingsSearch } from "~/router";
import { Apps } from "./Apps";
import { Models } from "./Models";
import { Sessions } from "./Sessions";

const route = getRouteApi("/house/rankings");

/** A day of UTC, so many days ago. */
const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);

export default function Rankings() {
  const { days = 30, per = "day", of, apps } = route.useSearch();
  const navigate = useNavigate({ from: "/rankings" });
  const change = (part: Partial<RankingsSearch>) => void navigate({ search: (before: RankingsSearch) => ({ ...before, ...part }), replace: true });
  const [from, to] = [daysAgo(days - 1), daysAgo(0)];
  return (
    <Page
      title="Rankings" about="Who takes the tokens and the money. From this server's own calls, today included; days are those of UTC."
      actions={
        <Group gap="xs">
          <SegmentedControl
            aria-label="By" value={per} onChange={(value) => change({ per: value === "day" ? undefined : (value as "week" | "month") })}
            data={[{ value: "day", label: "Day" }, { value: "week", label: "Week" }, { value: "month", label: "Month" }]}
          />
          <SegmentedControl
            aria-label="Period" value={String(days)} onChange={(value) => change({ days: value === "30" ? undefined : Number(value) })}
            data={[{ value: "7", label: "7 days" }, { value: "30", label: "30 days" }, { value: "90", label: "90 days" }]}
          />
        </Group>
      }
    >
      <Models days={days} from={from} to={to} per={per} of={of} onChange={change} />
      <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="md" style={{ alignItems: "start" }}>
        <Apps from={from} to={to} sort={apps ?? "popular"} onSort={(sort) => change({ apps: sort === "trending" ? "trending" : undefined })} />
        <Sessions />
      </SimpleGrid>
    </Page>
  );
}
