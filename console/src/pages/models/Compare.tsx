// Models side by side.
import { Modal, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Model } from "~/api/queries";
import { context, perMillion } from "~/parts/format";
import { Scroll, Table } from "~/parts/Table";
import { Abilities } from "./Abilities";

const rows: [string, (model: Model) => ReactNode][] = [
  ["Context, tokens", (model) => context(model.context_length)],
  ["Longest answer, tokens", (model) => context(model.top_provider?.max_completion_tokens)],
  ["Input, USD per M tokens", (model) => perMillion(model.pricing.prompt)],
  ["Output, USD per M tokens", (model) => perMillion(model.pricing.completion)],
  ["Cached input, USD per M tokens", (model) => perMillion(model.pricing.input_cache_read)],
  ["Cache write, USD per M tokens", (model) => perMillion(model.pricing.input_cache_write)],
  ["Takes", (model) => model.architecture.input_modalities.join(", ")],
  ["Gives", (model) => model.architecture.output_modalities.join(", ")],
  ["Abilities", (model) => <Abilities model={model} />],
  ["Tokenizer", (model) => model.architecture.tokenizer ?? "–"],
  ["Knowledge until", (model) => model.knowledge_cutoff ?? "–"],
  ["Parameters", (model) => <Text size="xs" c="dimmed">{model.supported_parameters.join(", ")}</Text>],
];

type Props = { opened: boolean; onClose: () => void; models: Model[] };

export function Compare({ opened, onClose, models }: Props) {
  return (
    <Modal opened={opened} onClose={onClose} title="Compare models" size="min(1100px, 96vw)">
      <Scroll data-bottom>
        <Table miw={220 + models.length * 190} isFixed>
          <Table.Thead>
            <Table.Tr>
              <Table.Th w={210}><Text className="label">Per model</Text></Table.Th>
              {models.map((model) => {
                const [author = "", slug = ""] = model.id.split("/");
                return (
                  <Table.Th key={model.id}>
                    <Link className="link" to="/models/$author/$slug" params={{ author, slug }}>{model.name}</Link>
                    <Text size="xs" c="dimmed" className="mono">{model.id}</Text>
                  </Table.Th>
                );
              })}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map(([name, value]) => (
              <Table.Tr key={name}>
                <Table.Th fw={400} c="dimmed" fz="sm" scope="row">{name}</Table.Th>
                {models.map((model) => <Table.Td key={model.id} valign="top">{value(model)}</Table.Td>)}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Scroll>
    </Modal>
  );
}
