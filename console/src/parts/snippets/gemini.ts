// A request in Chat's dialect as one in Google's.
import { argumentsOf, type Chat, dataOf, type Message, type Part, partsOf, systemOf } from "./chat";

function part(one: Part): unknown[] {
  if (one.type === "text") return [{ text: one.text ?? "" }];
  if (one.input_audio) return [{ inline_data: { mime_type: `audio/${one.input_audio.format}`, data: one.input_audio.data } }];
  const url = one.image_url?.url ?? one.file?.file_data ?? "";
  const data = dataOf(url);
  if (data) return [{ inline_data: { mime_type: data.type, data: data.data } }];
  return url ? [{ file_data: { file_uri: url } }] : [];
}

/** Results of tools are told by name, which Chat knows from the call alone. */
function turn(message: Message, all: Message[]): unknown {
  if (message.role === "tool") {
    const call = all.flatMap(({ tool_calls }) => tool_calls ?? []).find(({ id }) => id === message.tool_call_id);
    return { role: "user", parts: [{ function_response: { name: call?.function.name ?? "", response: { result: message.content ?? "" } } }] };
  }
  const calls = (message.tool_calls ?? []).map((call) => ({ function_call: { name: call.function.name, args: argumentsOf(call) } }));
  return { role: message.role === "assistant" ? "model" : "user", parts: [...partsOf(message).flatMap(part), ...calls] };
}

export function geminiBody(body: Record<string, unknown>): Record<string, unknown> {
  const chat = body as unknown as Chat;
  const schema = chat.response_format?.json_schema?.schema;
  const config = {
    system_instruction: systemOf(chat), temperature: chat.temperature, top_p: chat.top_p, max_output_tokens: chat.max_tokens, seed: chat.seed,
    tools: chat.tools && [{ function_declarations: chat.tools.map(({ function: { name, description, parameters } }) => ({ name, description, parameters_json_schema: parameters })) }],
    ...(schema ? { response_mime_type: "application/json", response_json_schema: schema } : {}),
  };
  const said = Object.entries(config).filter(([, value]) => value !== undefined);
  const contents = chat.messages.filter(({ role }) => role !== "system").map((message) => turn(message, chat.messages));
  return { model: chat.model, contents, config: said.length > 0 ? JSON.parse(JSON.stringify(Object.fromEntries(said))) : undefined };
}
