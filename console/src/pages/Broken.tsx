// A page that could not be shown at all.
import { Box } from "@mantine/core";
import type { ErrorComponentProps } from "@tanstack/react-router";
import { Failure } from "~/parts/States";

export function Broken({ error, reset }: ErrorComponentProps) {
  return <Box component="main" p="xl" maw={720} mx="auto"><Failure error={error} retry={reset} /></Box>;
}
