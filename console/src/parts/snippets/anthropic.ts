// A request in Chat's dialect as one in Anthropic's. What Messages cannot say is left out: sound.
import { argumentsOf, type Chat, dataOf, type Message, type Part, partsOf, systemOf } from "./chat";

/** Messages asks for a longest answer always. */
const MAX_TOKENS = 1024;

function block(part: Part): unknown[] {
  if (part.type === "text") return [{ type: "text", text: part.text ?? "" }];
  const url = part.image_url?.url ?? part.file?.file_data ?? "";
  const kind = part.image_url ? "image" : "document";
  const data = dataOf(url);
  if (data) return [{ type: kind, source: { type: "base64", media_type: data.type, data: data.data } }];
  return url ? [{ type: kind, source: { type: "url", url } }] : [];
}

function turn(message: Message): unknown {
  if (message.role === "tool") {
    return { role: "user", content: [{ type: "tool_result", tool_use_id: message.tool_call_id, content: message.content ?? "" }] };
  }
  const calls = (message.tool_calls ?? []).map((call) => ({ type: "tool_use", id: call.id, name: call.function.name, input: argumentsOf(call) }));
  if (typeof message.content === "string" && calls.length === 0) return { role: message.role, content: message.content };
  return { role: message.role, content: [...partsOf(message).flatMap(block), ...calls] };
}

export function anthropicBody(body: Record<string, unknown>): Record<string, unknown> {
  const chat = body as unknown as Chat;
  const schema = chat.response_format?.json_schema?.schema;
  return {
    model: chat.model, max_tokens: chat.max_tokens ?? MAX_TOKENS, system: systemOf(chat),
    messages: chat.messages.filter(({ role }) => role !== "system").map(turn),
    temperature: chat.temperature, top_p: chat.top_p,
    tools: chat.tools?.map(({ function: tool }) => ({ name: tool.name, description: tool.description, input_schema: tool.parameters ?? { type: "object" } })),
    ...(schema ? { extra_body: { output_config: { format: { type: "json_schema", schema } } } } : {}),
  };
}
