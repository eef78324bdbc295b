// What a list is narrowed by: controls in one row, and chips for what is chosen elsewhere.
import { Button, CloseButton, Group, Select, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { NumberField } from "./NumberField";

export type Choice = { value: string; label: string };

/** How long typing waits before the list is asked for anew, milliseconds. */
const PAUSE_MS = 250;

export function FilterBar({ children }: { children: ReactNode }) {
  return <Group gap="xs" align="flex-end" role="search">{children}</Group>;
}

type FieldProps<Value> = {
  label: string;
  placeholder?: string;
  width?: number | string;
  value: Value | undefined;
  onChange: (value: Value | undefined) => void;
};

/** What is typed, told after a pause; follows what is in the address. */
function useTyped<Value>(value: Value | undefined, onChange: FieldProps<Value>["onChange"], pause = PAUSE_MS) {
  const [typed, setTyped] = useState(value);
  const told = useRef(value);
  useEffect(() => {
    if (value !== told.current) setTyped(value);
    told.current = value;
  }, [value]);
  const tell = useDebouncedCallback((next: Value | undefined) => { told.current = next; onChange(next); }, pause);
  return [typed, (next: Value | undefined) => { setTyped(next); tell(next); }] as const;
}

export function SearchField({ label, placeholder, width = 290, value, onChange }: FieldProps<string>) {
  const [typed, type] = useTyped(value, onChange, 150);
  return (
    <TextInput
      aria-label={label} placeholder={placeholder} leftSection={<IconSearch size={15} />} w={{ base: "100%", sm: width }}
      value={typed ?? ""} onChange={(event) => type(event.currentTarget.value || undefined)}
      rightSection={typed ? <CloseButton size="sm" aria-label={`Empty ${label}`} onClick={() => type(undefined)} /> : undefined}
    />
  );
}

export function FilterText({ label, placeholder, width, value, onChange }: FieldProps<string>) {
  const [typed, type] = useTyped(value, onChange);
  return <TextInput label={label} placeholder={placeholder} w={width} value={typed ?? ""} onChange={(event) => type(event.currentTarget.value || undefined)} />;
}

type NumberProps = FieldProps<number> & { prefix?: string; unit?: string };

export function FilterNumber({ label, placeholder, width, value, onChange, prefix, unit }: NumberProps) {
  const [typed, type] = useTyped(value, onChange);
  return (
    <NumberField
      label={label} placeholder={placeholder} w={width} prefix={prefix} unit={unit}
      value={typed} onChange={(text) => type(text === "" ? undefined : Number(text))}
    />
  );
}

type SelectProps = FieldProps<string> & {
  data: Choice[];
  searchable?: boolean;
  /** Whether the name of the field stands above it, and not only in its placeholder. */
  named?: boolean;
};

export function FilterSelect({ label, placeholder, width, value, onChange, data, searchable, named }: SelectProps) {
  // What the address names is shown, even if the list does not know it.
  const known = value === undefined || data.some((one) => one.value === value) ? data : [...data, { value, label: value }];
  return (
    <Select
      {...(named ? { label } : { "aria-label": label })} placeholder={placeholder} clearable searchable={searchable} limit={80} w={width} nothingFoundMessage="Nothing has this name"
      data={known} value={value ?? null} onChange={(next) => onChange(next ?? undefined)} clearButtonProps={{ "aria-label": `Any ${label.toLowerCase()}` }}
    />
  );
}

type ChipProps = { name: string; value: string; onRemove: () => void };

/** A filter that is in force, to be taken away. */
export function FilterChip({ name, value, onRemove }: ChipProps) {
  const short = value.length > 34 ? `${value.slice(0, 32)}…` : value;
  return (
    <Button size="compact-sm" variant="light" onClick={onRemove} title={short === value ? undefined : `${name}: ${value}`} aria-label={`Take the filter ${name} ${value} away`}>{name}: {short} ×</Button>
  );
}
