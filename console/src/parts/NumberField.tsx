// A number that is typed: kept as text, so that "0." on the way to "0.05" stays what it is.
import { Text, TextInput, type TextInputProps } from "@mantine/core";
import { useState } from "react";

type Props = Omit<TextInputProps, "value" | "onChange" | "type"> & {
  value: number | string | undefined;
  /** The number as text; empty when there is none. */
  onChange: (text: string) => void;
  /** Without a point. */
  isWhole?: boolean;
  /** Stands before it, such as `$`. */
  prefix?: string;
  /** Stands behind it, such as `ms`. */
  unit?: string;
};

const same = (text: string, value: Props["value"]) =>
  value === undefined || value === "" ? text === "" : text !== "" && Number(text) === Number(value);

export function NumberField({ value, onChange, isWhole, prefix, unit, ...rest }: Props) {
  const [typed, setTyped] = useState(String(value ?? ""));
  const shown = same(typed, value) ? typed : String(value ?? "");
  const fits = isWhole ? /^\d*$/ : /^\d*\.?\d*$/;
  return (
    <TextInput
      {...rest} inputMode={isWhole ? "numeric" : "decimal"} autoComplete="off" value={shown}
      leftSection={prefix && <Text size="sm" c="dimmed" aria-hidden="true">{prefix}</Text>} leftSectionWidth={prefix ? 26 : undefined}
      rightSection={unit && <Text size="sm" c="dimmed" aria-hidden="true">{unit}</Text>} rightSectionWidth={unit ? 14 + unit.length * 9 : undefined}
      onChange={(event) => {
        // A comma may mean a thousand or a tenth: it is not taken at all.
        const text = event.currentTarget.value.replace(/\s/g, "");
        if (!fits.test(text)) return;
        setTyped(text);
        onChange(text === "." ? "" : text);
      }}
    />
  );
}
