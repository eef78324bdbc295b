// Text that is there to be copied.
import { ActionIcon, Box, Code, CopyButton } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";

export function CopyIcon({ value, label = "Copy" }: { value: string; label?: string }) {
  return (
    <CopyButton value={value} timeout={1500}>
      {({ copied, copy }) => (
        <ActionIcon size="sm" onClick={copy} title={label} aria-label={copied ? "Copied" : label} color={copied ? "green" : "gray"}>
          {copied ? <IconCheck size={15} /> : <IconCopy size={15} />}
        </ActionIcon>
      )}
    </CopyButton>
  );
}

type CodeProps = {
  code: string;
  /** What stands on the page in its place, where it is too long to be read. */
  shown?: string;
  label?: string;
};

/** Lines of code with a button that copies them. */
export function CodeBlock({ code, shown = code, label = "Copy the code" }: CodeProps) {
  return (
    <Box pos="relative">
      <Code block tabIndex={0} pr={44} bg="var(--sunken)" fz="sm" role="region" aria-label="Code">{shown}</Code>
      <Box pos="absolute" top={8} right={8}><CopyIcon value={code} label={label} /></Box>
    </Box>
  );
}
