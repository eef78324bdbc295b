// For which calls a workspace's own credential is presented, and when.
import { MultiSelect, SegmentedControl, Stack, TagsInput, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { Schemas } from "~/api/client";
import { keys, models } from "~/api/queries";

export type Terms = { is_fallback: boolean; models: string[]; keys: string[]; users: string[] };

export const termsOf = (one?: Schemas["ByokKey"]): Terms => ({
  is_fallback: one?.is_fallback ?? false, models: one?.allowed_models ?? [], keys: one?.allowed_api_key_hashes ?? [], users: one?.allowed_user_ids ?? [],
});

/** An empty list means all. */
const orAll = (list: string[]) => (list.length > 0 ? list : null);

/** The terms in the words of the API. */
export const asFields = (terms: Terms) => ({
  is_fallback: terms.is_fallback, allowed_models: orAll(terms.models), allowed_api_key_hashes: orAll(terms.keys), allowed_user_ids: orAll(terms.users),
});

type Props = { terms: Terms; onChange: (terms: Terms) => void };

export function CredentialTerms({ terms, onChange }: Props) {
  const known = useQuery(models("all"));
  const allKeys = useQuery(keys);
  const modelChoices = (known.data ?? []).map(({ id }) => id);
  const keyChoices = (allKeys.data ?? []).map((key) => ({ value: key.hash, label: `${key.name} (${key.label})` }));
  return (
    <>
      <Stack gap={4}>
        <Text size="sm" fw={500}>Presented</Text>
        <SegmentedControl
          aria-label="Presented" value={terms.is_fallback ? "last" : "first"} onChange={(value) => onChange({ ...terms, is_fallback: value === "last" })}
          data={[{ value: "first", label: "Before the house's own" }, { value: "last", label: "When everything else has failed" }]}
        />
      </Stack>
      <MultiSelect
        label="Only for models" placeholder={terms.models.length === 0 ? "All models" : undefined} searchable limit={60} hidePickedOptions clearable
        data={[...new Set([...modelChoices, ...terms.models])]} value={terms.models} onChange={(models) => onChange({ ...terms, models })} nothingFoundMessage="No model has this name"
      />
      <MultiSelect
        label="Only for keys" placeholder={terms.keys.length === 0 ? "All keys of the workspace" : undefined} searchable hidePickedOptions clearable
        data={keyChoices} value={terms.keys} onChange={(keys) => onChange({ ...terms, keys })} nothingFoundMessage="No key has this name"
      />
      <TagsInput label="Only for keys of members" placeholder={terms.users.length === 0 ? "All members; ids, each with Enter" : undefined} value={terms.users} onChange={(users) => onChange({ ...terms, users })} />
    </>
  );
}
