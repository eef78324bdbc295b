// Chooses an inference key to act as; remembered in this browser by its hash.
import { Select, type SelectProps } from "@mantine/core";
import { useLocalStorage } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { keys } from "~/api/queries";

/** The key to act as: the one chosen last if it still works, else the first that does. */
export function useActingKey() {
  const found = useQuery(keys);
  const [chosen, setChosen] = useLocalStorage<string>({ key: "waybill-acting-key", defaultValue: "" });
  const working = (found.data ?? []).filter((key) => !key.disabled && (!key.expires_at || Date.parse(key.expires_at) > Date.now()));
  const acting = working.find((key) => key.hash === chosen) ?? working[0];
  return { query: found, working, acting, setChosen };
}

type Props = Omit<SelectProps, "data" | "value" | "onChange"> & { state: ReturnType<typeof useActingKey> };

export function KeySelect({ state, ...props }: Props) {
  return (
    <Select
      {...props} allowDeselect={false}
      data={state.working.map((key) => ({ value: key.hash, label: key.name }))}
      value={state.acting?.hash ?? null} onChange={(hash) => hash && state.setChosen(hash)}
    />
  );
}
