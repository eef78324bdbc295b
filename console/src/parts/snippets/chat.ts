// A request in Chat's dialect, as far as the other dialects are made from it.

export type Part = {
  type: string;
  text?: string;
  image_url?: { url: string };
  file?: { filename?: string; file_data?: string };
  input_audio?: { data: string; format: string };
};
export type Call = { id: string; function: { name: string; arguments: string } };
export type Message = { role: string; content?: string | Part[] | null; tool_calls?: Call[]; tool_call_id?: string };
export type Tool = { function: { name: string; description?: string; parameters?: unknown } };

export type Chat = {
  model: string;
  messages: Message[];
  temperature?: number;
  top_p?: number;
  max_tokens?: number;
  seed?: number;
  tools?: Tool[];
  response_format?: { json_schema?: { schema?: unknown } };
};

/** The parts of a message. */
export const partsOf = ({ content }: Message): Part[] =>
  typeof content === "string" ? [{ type: "text", text: content }] : content ?? [];

/** The text of the system prompt; absent when there is none. */
export function systemOf({ messages }: Chat): string | undefined {
  const texts = messages.filter(({ role }) => role === "system").flatMap(partsOf).map(({ text }) => text ?? "");
  return texts.join("\n\n") || undefined;
}

/** A data URL taken apart: its media type, and its bytes in base64. */
export function dataOf(url: string): { type: string; data: string } | undefined {
  const found = /^data:([^;,]+);base64,(.*)$/s.exec(url);
  return found ? { type: found[1]!, data: found[2]! } : undefined;
}

export function argumentsOf(call: Call): unknown {
  try {
    return JSON.parse(call.function.arguments);
  } catch {
    return {};
  }
}
