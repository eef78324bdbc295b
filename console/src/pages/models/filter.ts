// Which models of the catalog a person wants to see, and in which order.
import type { Model } from "~/api/queries";
import type { ModelsSearch } from "~/router";

/** USD per million tokens; a model without the price comes last. */
export const inputPrice = (model: Model) => perMillion(model.pricing.prompt);
export const outputPrice = (model: Model) => perMillion(model.pricing.completion);

function perMillion(price: string | undefined): number | undefined {
  const value = price === undefined ? Number.NaN : Number(price) * 1e6;
  return Number.isFinite(value) && value >= 0 ? value : undefined;
}

/** What a model can do, in a word for a filter and the parameters that say so. */
export const abilities: { value: string; label: string; parameter: string }[] = [
  { value: "tools", label: "Tools", parameter: "tools" },
  { value: "schema", label: "Structured output", parameter: "structured_outputs" },
  { value: "reasoning", label: "Reasoning", parameter: "reasoning" },
  { value: "logprobs", label: "Log probabilities", parameter: "logprobs" },
  { value: "seed", label: "Seed", parameter: "seed" },
];

export const inputs = ["image", "file", "audio", "video"] as const;

export const listOf = (text: string | undefined) => (text ? text.split(",") : []);

export function filtered(all: Model[], search: ModelsSearch): Model[] {
  const words = (search.q ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const can = listOf(search.can).map((value) => abilities.find((ability) => ability.value === value)?.parameter ?? value);
  const takes = listOf(search.takes);
  const kept = all.filter((model) => {
    const text = `${model.id} ${model.name}`.toLowerCase();
    const parameters: readonly string[] = model.supported_parameters ?? [];
    const modalities: readonly string[] = model.architecture.input_modalities;
    const price = inputPrice(model);
    return (
      words.every((word) => text.includes(word)) &&
      can.every((parameter) => parameters.includes(parameter)) &&
      takes.every((modality) => modalities.includes(modality)) &&
      (search.price === undefined || (price !== undefined && price <= search.price)) &&
      (search.context === undefined || (model.context_length ?? 0) >= search.context)
    );
  });
  return sorted(kept, search.by ?? "name", search.up !== true && search.by !== undefined && search.by !== "name");
}

type Value = string | number | undefined;

const values: Record<string, (model: Model) => Value> = {
  name: (model) => model.id,
  input: inputPrice,
  output: outputPrice,
  context: (model) => model.context_length ?? undefined,
  created: (model) => model.created || undefined,
};

function sorted(models: Model[], by: string, descending: boolean): Model[] {
  const value = values[by] ?? ((model: Model) => model.id);
  const sign = descending ? -1 : 1;
  return [...models].sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x === undefined || y === undefined) return (x === undefined ? 1 : 0) - (y === undefined ? 1 : 0);
    return x < y ? -sign : x > y ? sign : 0;
  });
}
