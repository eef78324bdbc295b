// Parameters, tools and the shape of the answer, for all models alike.
import { Accordion, JsonInput, Select, SimpleGrid, Stack, Textarea, TextInput } from "@mantine/core";
import { mistakes, type Options as Values } from "./conversation";

const EFFORTS = ["", "none", "minimal", "low", "medium", "high"].map((value) => ({ value, label: value || "As the model has it" }));

const EXAMPLE_TOOL = JSON.stringify([{
  type: "function",
  function: {
    name: "get_weather", description: "The weather at a place, now.",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
}], null, 2);

const EXAMPLE_SCHEMA = JSON.stringify({
  type: "object", properties: { answer: { type: "string" }, certainty: { type: "number" } },
  required: ["answer", "certainty"], additionalProperties: false,
}, null, 2);

type Props = { values: Values; onChange: (values: Values) => void };

export function Options({ values, onChange }: Props) {
  const set = (field: keyof Values) => (value: string | null) => onChange({ ...values, [field]: value ?? "" });
  const wrong = mistakes(values);
  const number = (field: keyof Values, label: string, placeholder: string, more: { min: number; max?: number; step: number }) => (
    <TextInput
      type="number" label={label} placeholder={placeholder} {...more}
      value={values[field]} onChange={(event) => set(field)(event.currentTarget.value)}
    />
  );
  return (
    <Stack gap="md">
      <Textarea label="System prompt" autosize minRows={3} maxRows={12} value={values.system} onChange={(event) => set("system")(event.currentTarget.value)} />
      <SimpleGrid cols={2} spacing="sm">
        {number("temperature", "Temperature", "as the model has it", { min: 0, max: 2, step: 0.1 })}
        {number("topP", "Top P", "1", { min: 0, max: 1, step: 0.05 })}
        {number("maxTokens", "Longest answer, tokens", "no limit", { min: 1, step: 1 })}
        {number("seed", "Seed", "by chance", { min: 0, step: 1 })}
      </SimpleGrid>
      <Select label="Reasoning effort" data={EFFORTS} value={values.effort} onChange={set("effort")} allowDeselect={false} />
      <TextInput
        label="Providers first" description="Slugs in the order to try, with commas between" placeholder="the house's own choice"
        value={values.order} onChange={(event) => set("order")(event.currentTarget.value)}
      />
      <Accordion variant="separated" multiple>
        <Accordion.Item value="tools">
          <Accordion.Control>Tools{values.tools.trim() && " (on)"}</Accordion.Control>
          <Accordion.Panel>
            <JsonInput
              label="Function tools, as JSON" placeholder={EXAMPLE_TOOL} autosize minRows={6} maxRows={20} formatOnBlur
              value={values.tools} onChange={set("tools")} error={wrong.tools} validationError={wrong.tools}
              onKeyDown={(event) => event.key === "Tab" && values.tools === "" && (event.preventDefault(), set("tools")(EXAMPLE_TOOL))}
              description="Tab takes the example over"
            />
          </Accordion.Panel>
        </Accordion.Item>
        <Accordion.Item value="schema">
          <Accordion.Control>Structured output{values.schema.trim() && " (on)"}</Accordion.Control>
          <Accordion.Panel>
            <JsonInput
              label="JSON schema of the answer" placeholder={EXAMPLE_SCHEMA} autosize minRows={6} maxRows={20} formatOnBlur
              value={values.schema} onChange={set("schema")} error={wrong.schema} validationError={wrong.schema}
              onKeyDown={(event) => event.key === "Tab" && values.schema === "" && (event.preventDefault(), set("schema")(EXAMPLE_SCHEMA))}
              description="Tab takes the example over"
            />
          </Accordion.Panel>
        </Accordion.Item>
      </Accordion>
    </Stack>
  );
}
