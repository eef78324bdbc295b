// What stands where there is nothing yet, where something is under way, and where something failed.
import { Alert, Box, Button, Skeleton, Stack, Text, Title } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import type { ReactNode } from "react";

type EmptyProps = {
  title: string;
  /** What to do about it. */
  children: ReactNode;
  action?: ReactNode;
  icon?: ReactNode;
};

/** An empty list, and how to fill it. */
export function Empty({ title, children, action, icon }: EmptyProps) {
  return (
    <Stack align="center" gap="xs" py={48} px="md" ta="center">
      {icon && <Box c="dimmed">{icon}</Box>}
      <Title order={2}>{title}</Title>
      <Text c="dimmed" maw={520}>{children}</Text>
      {action && <Box mt="xs">{action}</Box>}
    </Stack>
  );
}

/** A request that failed, in the server's words. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const message = error instanceof Error ? error.message : String(error);
  return (
    <Alert color="red" variant="light" icon={<IconAlertTriangle size={18} />} title="This did not work">
      <Text size="md" c="var(--mantine-color-text)">{message}</Text>
      {retry && <Button mt="sm" variant="default" size="xs" onClick={retry}>Try again</Button>}
    </Alert>
  );
}

/** Rows that are on their way. */
export function Waiting({ rows = 6, height = 34 }: { rows?: number; height?: number }) {
  return (
    <Stack gap={8} p="md" aria-busy="true" aria-label="Loading">
      {Array.from({ length: rows }, (_, index) => (
        <Skeleton key={index} height={height} radius="sm" />
      ))}
    </Stack>
  );
}
