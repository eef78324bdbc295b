// Conversations whose prompt was cached and is not any more: what changed, and what to do about it.
import { Badge, Box, Group, Stack, Text, Title } from "@mantine/core";
import { count, usd } from "~/parts/format";
import { Instant } from "~/parts/Figures";
import { LinkText } from "~/parts/links";
import { callOf, Made } from "~/parts/Made";
import { advice, changeWords } from "./diagnosis";
import classes from "./Breaks.module.css";
import type { Break } from "./hours";

export function Breaks({ all }: { all: Break[] }) {
  return (
    <Stack gap={0} component="ul" p={0} m={0} className={classes.list} aria-label="Broken prefixes">
      {all.map((broken) => <One key={broken.generation_id} broken={broken} />)}
    </Stack>
  );
}

function One({ broken }: { broken: Break }) {
  const said = broken.prefix_break;
  return (
    <Box component="li" className={classes.row}>
      <Box miw={0}>
        <Group gap={8} mb={2}>
          <Title order={3}>{said ? changeWords(said) : "The cache was of less use than before"}</Title>
          {said && <Badge color={said.change === "none" ? "amber" : "stamp"} size="sm">{said.change === "none" && said.endpoint_changed ? "switched" : said.change.replaceAll("_", " ")}</Badge>}
        </Group>
        {said && <Text size="sm" c="dimmed" maw={680}>{advice(said)}</Text>}
        <Group gap="xs" mt={8} className={classes.where}>
          <span className="mono">{broken.model}</span><span>at</span><span className="mono">{broken.endpoint}</span>
          {said && said.change !== "none" && said.to_byte > said.from_byte && <span data-bottom>· bytes {count(said.from_byte)} to {count(said.to_byte)} of <span className="mono">{said.part}</span></span>}
        </Group>
        <Group gap="md" mt={6}>
          <LinkText to="/activity/$id" params={{ id: broken.generation_id }} size="sm">The call</LinkText>
          {said?.generation_before && <LinkText to="/activity/$id" params={{ id: said.generation_before }} size="sm">The call before</LinkText>}
          {broken.session_id && <LinkText to="/sessions/$id" params={{ id: broken.session_id }} size="sm">The session</LinkText>}
        </Group>
      </Box>
      <Box className={classes.loss}>
        <Text fw={600} c="var(--bad)"><Made again of={callOf(broken.generation_id)}>{usd(broken.lost)} lost</Made></Text>
        {said && <Text size="sm" c="dimmed"><Made again of={callOf(broken.generation_id)}>{count(said.cached_tokens)} of {count(said.cached_tokens_before)} tokens read</Made></Text>}
        <Text size="sm" c="dimmed"><Instant at={broken.created_at} /></Text>
      </Box>
    </Box>
  );
}
