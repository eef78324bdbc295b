// Single figures: times, shares of a limit, and named numbers.
import { Box, Group, Progress, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { ago, moment, usd } from "./format";
import { Made, type Way } from "./Made";

/** A point in time as a distance from now; in full where one points at it. */
export function Instant({ at }: { at: string | null | undefined }) {
  if (!at) return <span className="quiet">–</span>;
  return (
    // The browser's own tip: Mantine's would bring its whole positioning to every first visit.
    <time dateTime={at} title={moment(at)}>{ago(at)}</time>
  );
}

type MeterProps = { used: number; limit: number | null; label: string; of: Way };

/** What has been used of a limit. */
export function Meter({ used, limit, label, of }: MeterProps) {
  const shown = <Made of={of} label={`${label}: ${usd(used)}`}>{usd(used)}</Made>;
  if (limit === null) {
    return <Text size="sm">{shown} <span className="quiet">no limit</span></Text>;
  }
  const share = limit > 0 ? Math.min(1, used / limit) : 1;
  const color = share >= 0.95 ? "stamp" : share >= 0.8 ? "amber" : "carbon";
  return (
    <Box miw={150}>
      <Group justify="space-between" gap="xs" wrap="nowrap" mb={3}>
        <Text size="sm">{shown}</Text>
        <Text size="sm" c="dimmed" data-bottom>of {limit === 0 ? "$0" : usd(limit)}</Text>
      </Group>
      <Progress
        value={share * 100} size={5} color={color} aria-label={label}
        styles={{ root: { backgroundColor: "var(--wash)" } }}
      />
    </Box>
  );
}

type FigureProps = { name: string; value: ReactNode; of: Way | null; note?: ReactNode };

/** A number with its name, and the way to what it is made of. */
export function Figure({ name, value, of, note }: FigureProps) {
  return (
    <Box>
      <Text className="label">{name}</Text>
      <Text fz="xl" fw={600} lh={1.3}><Made of={of} label={typeof value === "string" ? `${name}: ${value}` : undefined}>{value}</Made></Text>
      {note && <Text size="sm" c="dimmed">{note}</Text>}
    </Box>
  );
}

/** Names and values under each other, as on a form. */
export function Facts({ rows }: { rows: [string, ReactNode][] }) {
  return (
    <Box component="dl" m={0} style={{ display: "grid", gridTemplateColumns: "minmax(120px, auto) 1fr", gap: "6px 16px" }}>
      {rows.map(([name, value]) => (
        <Box key={name} style={{ display: "contents" }}>
          <Text component="dt" size="sm" c="dimmed">{name}</Text>
          <Text component="dd" size="sm" m={0} style={{ overflowWrap: "anywhere" }}>{value ?? "–"}</Text>
        </Box>
      ))}
    </Box>
  );
}
