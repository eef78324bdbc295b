// The frame of every page: its name, what it is for, and what can be done on it.
import { Box, Group, Text, Title } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import type { ReactNode } from "react";

type Props = {
  title: string;
  /** One sentence; what a stranger would want to know. */
  about?: ReactNode;
  actions?: ReactNode;
  /** What stands above the title, such as a way back. */
  above?: ReactNode;
  children: ReactNode;
};

export function Page({ title, about, actions, above, children }: Props) {
  useDocumentTitle(`${title} · Waybill`);
  return (
    <Box id="content" tabIndex={-1} maw={1480} mx="auto" px={{ base: "md", sm: "xl" }} py="lg">
      {above}
      <Group justify="space-between" align="flex-start" gap="md" mb="lg">
        <Box maw={760} style={{ flex: "1 1 320px" }}>
          <Title order={1}>{title}</Title>
          {about && <Text c="dimmed" mt={4}>{about}</Text>}
        </Box>
        {actions && <Group gap="xs">{actions}</Group>}
      </Group>
      {children}
    </Box>
  );
}
