// One of a few, by the browser's own list: it needs nothing that pops up of ours, and suits a thumb.
import { NativeSelect } from "@mantine/core";

type Props = {
  label: string;
  /** What stands for no choice. */
  any: string;
  data: (string | { value: string; label: string })[];
  value: string | undefined;
  width: number;
  onChange: (value: string | undefined) => void;
};

export function Choose({ label, any, data, value, width, onChange }: Props) {
  // What the address names is shown, even if the list does not know it.
  const isKnown = value === undefined || data.some((one) => (typeof one === "string" ? one : one.value) === value);
  return (
    <NativeSelect
      aria-label={label} w={{ base: "100%", xs: width }} value={value ?? ""}
      data={[{ value: "", label: any }, ...data, ...(isKnown ? [] : [value])]}
      onChange={(event) => onChange(event.currentTarget.value || undefined)}
    />
  );
}
