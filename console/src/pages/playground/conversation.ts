// What is said in the playground, and the request that it makes.
import type { Schemas } from "~/api/client";

export type Body = Schemas["ChatRequest"];
export type Message = Schemas["Message"];

/** A file that goes along with a prompt, as text that JSON can hold. */
export type Attachment = { name: string; type: string; dataUrl: string; size: number };

export type Options = {
  system: string;
  temperature: string;
  topP: string;
  maxTokens: string;
  seed: string;
  effort: string;
  /** Function tools as JSON text; empty for none. */
  tools: string;
  /** A JSON schema for the answer; empty for none. */
  schema: string;
  /** Providers to be tried first, in order; empty for the house's own choice. */
  order: string;
};

export const noOptions: Options = {
  system: "", temperature: "", topP: "", maxTokens: "", seed: "", effort: "", tools: "", schema: "", order: "",
};

/** Fields whose text is JSON, and what is wrong with it. */
export function mistakes(options: Options): Partial<Record<keyof Options, string>> {
  const found: Partial<Record<keyof Options, string>> = {};
  for (const field of ["tools", "schema"] as const) {
    if (options[field].trim() === "") continue;
    try {
      const value: unknown = JSON.parse(options[field]);
      if (field === "tools" && !Array.isArray(value)) found[field] = "A list of tools is expected";
    } catch (error) {
      found[field] = (error as Error).message;
    }
  }
  return found;
}

type Part = Record<string, unknown>;

/** The content of a user's message with its attachments. */
export function content(text: string, attachments: Attachment[]): string | Part[] {
  if (attachments.length === 0) return text;
  return [...(text ? [{ type: "text", text }] : []), ...attachments.map(part)];
}

function part({ name, type, dataUrl }: Attachment): Part {
  if (type.startsWith("image/")) return { type: "image_url", image_url: { url: dataUrl } };
  if (type.startsWith("audio/")) {
    const format = type.includes("wav") ? "wav" : type.includes("mpeg") || type.includes("mp3") ? "mp3" : type.split("/")[1];
    return { type: "input_audio", input_audio: { data: dataUrl.split(",")[1] ?? "", format } };
  }
  return { type: "file", file: { filename: name, file_data: dataUrl } };
}

/** What kind of input a file is, and its word for people. */
function modalityOf({ type }: Attachment): ["image" | "audio" | "file", string] {
  if (type.startsWith("image/")) return ["image", "pictures"];
  return type.startsWith("audio/") ? ["audio", "sound"] : ["file", "files"];
}

/** What of these a model that takes these inputs does not take, in words; nothing when it takes all. */
export function untaken(attachments: Attachment[], inputs: readonly string[]): string[] {
  const kinds = attachments.map(modalityOf).filter(([modality]) => !inputs.includes(modality));
  return [...new Set(kinds.map(([, words]) => words))];
}

/** The whole request for one model. */
export function request(model: string, messages: Message[], options: Options): Body {
  const number = (text: string) => (text.trim() === "" ? undefined : Number(text));
  const system = options.system.trim() ? [{ role: "system", content: options.system }] : [];
  const order = options.order.split(",").map((name) => name.trim()).filter(Boolean);
  const body: Record<string, unknown> = {
    model,
    messages: [...system, ...messages],
    temperature: number(options.temperature),
    top_p: number(options.topP),
    max_tokens: number(options.maxTokens),
    seed: number(options.seed),
    reasoning: options.effort ? { effort: options.effort } : undefined,
    tools: options.tools.trim() ? JSON.parse(options.tools) : undefined,
    response_format: options.schema.trim()
      ? { type: "json_schema", json_schema: { name: "answer", strict: true, schema: JSON.parse(options.schema) } }
      : undefined,
    provider: order.length > 0 ? { order } : undefined,
  };
  return JSON.parse(JSON.stringify(body)) as Body;
}

export type ToolCall = { id: string; name: string; arguments: string };

/** An answer as far as it has come. */
export type Answer = {
  text: string;
  reasoning: string;
  toolCalls: ToolCall[];
  state: "waiting" | "streaming" | "done" | "stopped" | "failed";
  error?: string;
  finish?: string | null;
  provider?: string;
  generation?: string;
  /** Milliseconds from the request to the first content, and to the end. */
  firstMs?: number;
  totalMs?: number;
  promptTokens?: number;
  outputTokens?: number;
  cachedTokens?: number;
  /** USD. */
  cost?: number | null;
};

export const noAnswer: Answer = { text: "", reasoning: "", toolCalls: [], state: "waiting" };

/** One exchange: what was said, and what came back. */
export type Turn = { said: Message[]; shown: string; attachments: Attachment[]; answer: Answer };

/** What a conversation has come to, as messages for the next request. */
export function history(turns: Turn[]): Message[] {
  return turns.flatMap(({ said, answer }) => {
    if (answer.state === "failed" || (answer.text === "" && answer.toolCalls.length === 0)) return said;
    const calls = answer.toolCalls.map((call) => ({
      id: call.id, type: "function", function: { name: call.name, arguments: call.arguments },
    }));
    const reply = { role: "assistant", content: answer.text || null, ...(calls.length > 0 ? { tool_calls: calls } : {}) };
    return [...said, reply as Message];
  });
}

/** Tokens of answer per second, from the first one on. */
export function tokensPerSecond(answer: Answer): number | undefined {
  const { firstMs, totalMs, outputTokens } = answer;
  if (firstMs === undefined || totalMs === undefined || !outputTokens || totalMs - firstMs < 20) return undefined;
  return outputTokens / ((totalMs - firstMs) / 1000);
}
