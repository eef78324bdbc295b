// What needs attention, what is bad first; the rest on demand.
import { Box, Button, Group, Paper, SimpleGrid, Skeleton, Text, Title } from "@mantine/core";
import { IconCircleCheck } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { type Note, useNotes } from "./notes";

const SHOWN = 6;

export function Attention({ unpriced, length }: { unpriced: number; length: string }) {
  const { notes, isPending } = useNotes(unpriced, length);
  const [isWhole, setWhole] = useState(false);
  const shown = isWhole ? notes : notes.slice(0, SHOWN);
  return (
    <Paper className="sheet" px="md" py="sm" mb="md" component="section" aria-label="Needs attention">
      <Group justify="space-between" mih={26}>
        <Group gap="md">
          <Title order={2}>Needs attention</Title>
          {isPending && <Skeleton height={16} width={220} />}
          {!isPending && notes.length === 0 && (
            <Group gap={6} wrap="nowrap">
              <IconCircleCheck size={17} color="var(--good)" style={{ flexShrink: 0 }} aria-hidden="true" />
              <Text size="sm">Nothing: no failing call in the last hour, no limit near, no call without a price.</Text>
            </Group>
          )}
        </Group>
        {notes.length > SHOWN && <Button size="compact-sm" variant="subtle" onClick={() => setWhole(!isWhole)}>{isWhole ? "Show less" : `${notes.length - SHOWN} more`}</Button>}
      </Group>
      {notes.length > 0 && (
        <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }} spacing="lg" verticalSpacing="sm" mt="xs" component="ul" m={0} p={0} style={{ listStyle: "none" }}>
          {shown.map((note) => <Shown key={note.text} note={note} />)}
        </SimpleGrid>
      )}
    </Paper>
  );
}

function Shown({ note }: { note: Note }) {
  return (
    <Group component="li" gap={8} wrap="nowrap" align="flex-start">
      <Box w={8} h={8} mt={6} style={{ borderRadius: "50%", flexShrink: 0, background: note.isBad ? "var(--bad)" : "var(--warn)" }} role="img" aria-label={note.isBad ? "Bad" : "Note"} />
      <Link {...note.way} className="whole"><Text size="sm" span>{note.text}. </Text><Text size="sm" span className="link">{note.name}</Text></Link>
    </Group>
  );
}
