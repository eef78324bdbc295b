// JSON as Python writes it.

function literal(value: unknown, indent = ""): string {
  const inner = `${indent}    `;
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) {
    return value.length === 0 ? "[]" : `[\n${value.map((item) => inner + literal(item, inner)).join(",\n")},\n${indent}]`;
  }
  if (typeof value === "object") {
    const rows = Object.entries(value).map(([key, item]) => `${inner}${JSON.stringify(key)}: ${literal(item, inner)}`);
    return rows.length === 0 ? "{}" : `{\n${rows.join(",\n")},\n${indent}}`;
  }
  return JSON.stringify(value);
}

/** Fields as the arguments of a call, one a line. */
export const keywords = (fields: Record<string, unknown>): string =>
  Object.entries(fields).filter(([, value]) => value !== undefined).map(([key, value]) => `    ${key}=${literal(value, "    ")},`).join("\n");
