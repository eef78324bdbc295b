// A price sheet in full, with the conditions under which other prices hold.
import { Text } from "@mantine/core";
import type { Schemas } from "~/api/client";
import { perMillion } from "~/parts/format";
import { Table } from "~/parts/Table";

type Pricing = Schemas["Pricing"];

/** Prices of tokens, which are shown per million; the rest is shown per unit. */
const tokens: [string, string][] = [
  ["prompt", "Input"], ["completion", "Output"], ["input_cache_read", "Cached input"],
  ["input_cache_write", "Cache write"], ["input_cache_write_1h", "Cache write for an hour"],
  ["internal_reasoning", "Reasoning"], ["audio", "Audio input"], ["audio_output", "Audio output"],
  ["image_token", "Image input tokens"], ["image_output", "Image output tokens"],
];
const units: [string, string][] = [["request", "Per request"], ["image", "Per image"], ["web_search", "Per web search"]];

export function Prices({ pricing }: { pricing: Pricing }) {
  const sheet = pricing as unknown as Record<string, string | undefined>;
  const perToken = tokens.filter(([key]) => sheet[key] !== undefined);
  const perUnit = units.filter(([key]) => sheet[key] !== undefined && Number(sheet[key]) !== 0);
  return (
    <>
      <Table isCompact maw={420}>
        <Table.Caption style={{ captionSide: "top", textAlign: "left" }} mt={0}>USD per million tokens, unless it says otherwise</Table.Caption>
        <Table.Tbody>
          {perToken.map(([key, name]) => (
            <Table.Tr key={key}><Table.Td>{name}</Table.Td><Table.Td className="num">{perMillion(sheet[key])}</Table.Td></Table.Tr>
          ))}
          {perUnit.map(([key, name]) => (
            <Table.Tr key={key}><Table.Td>{name}</Table.Td><Table.Td className="num">${sheet[key]}</Table.Td></Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {(pricing.overrides ?? []).map((override, index) => (
        <Text key={index} size="sm" c="dimmed" mt={4}>{condition(override)}: {perMillion(override.prompt)} in, {perMillion(override.completion)} out</Text>
      ))}
    </>
  );
}

function condition(override: Schemas["PricingOverride"]): string {
  const parts = [];
  if (override.min_prompt_tokens) parts.push(`From ${override.min_prompt_tokens.toLocaleString("en-US")} prompt tokens`);
  if (override.utc_start && override.utc_end) parts.push(`${override.utc_start}–${override.utc_end} UTC`);
  return parts.join(", ") || "Under a condition";
}
