// Asks a model and reads its answer as it arrives.
import { errorOf, MARK, type Schemas } from "~/api/client";
import { type Answer, type Body, noAnswer } from "./conversation";

type Chunk = Schemas["ChatStreamChunk"] & { provider?: string; error?: Schemas["ErrorBody"] };

/** Asks as the key with this hash; tells of each step. */
export async function ask(body: Body, key: string, signal: AbortSignal, tell: (answer: Answer) => void): Promise<void> {
  const began = performance.now();
  const since = () => performance.now() - began;
  let answer: Answer = { ...noAnswer };
  const step = (part: Partial<Answer>) => {
    answer = { ...answer, ...part };
    tell(answer);
  };
  try {
    const response = await fetch("/api/v1/chat/completions", {
      method: "POST", signal,
      headers: { ...MARK, "content-type": "application/json", "x-waybill-as-key": key },
      body: JSON.stringify({ ...body, stream: true, usage: { include: true } }),
    });
    step({ generation: response.headers.get("x-generation-id") ?? undefined });
    if (!response.ok || !response.body) throw errorOf(await response.json().catch(() => undefined), response.status);
    for await (const chunk of frames(response.body)) {
      if (chunk.error) throw errorOf({ error: chunk.error }, chunk.error.code);
      step(taken(answer, chunk, since));
    }
    step({ state: "done", totalMs: since() });
  } catch (error) {
    if (signal.aborted) step({ state: "stopped", totalMs: since() });
    else step({ state: "failed", error: (error as Error).message, totalMs: since() });
  }
}

/** The JSON of every data line of a stream of server-sent events. */
async function* frames(body: ReadableStream<Uint8Array>): AsyncGenerator<Chunk> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const data = line.startsWith("data: ") ? line.slice(6).trim() : "";
      if (data !== "" && data !== "[DONE]") yield JSON.parse(data) as Chunk;
    }
  }
}

/** An answer with one more chunk. */
function taken(answer: Answer, chunk: Chunk, since: () => number): Partial<Answer> {
  const choice = chunk.choices?.[0];
  const delta = choice?.delta as { content?: string | null; reasoning?: string | null; tool_calls?: DeltaCall[] } | undefined;
  const part: Partial<Answer> = { state: "streaming" };
  if (chunk.provider) part.provider = chunk.provider;
  if (delta?.content) part.text = answer.text + delta.content;
  if (delta?.reasoning) part.reasoning = answer.reasoning + delta.reasoning;
  if (delta?.tool_calls) part.toolCalls = withCalls(answer.toolCalls, delta.tool_calls);
  const isContent = delta?.content || delta?.reasoning || delta?.tool_calls;
  if (isContent && answer.firstMs === undefined) part.firstMs = since();
  if (choice?.finish_reason) part.finish = choice.finish_reason;
  const usage = chunk.usage;
  if (usage) {
    part.promptTokens = usage.prompt_tokens;
    part.outputTokens = usage.completion_tokens;
    part.cachedTokens = usage.prompt_tokens_details?.cached_tokens ?? 0;
    part.cost = usage.cost ?? null;
  }
  return part;
}

type DeltaCall = { index?: number; id?: string | null; function?: { name?: string | null; arguments?: string | null } };

function withCalls(before: Answer["toolCalls"], deltas: DeltaCall[]): Answer["toolCalls"] {
  const calls = before.map((call) => ({ ...call }));
  for (const delta of deltas) {
    const index = delta.index ?? calls.length;
    const call = (calls[index] ??= { id: "", name: "", arguments: "" });
    call.id ||= delta.id ?? "";
    call.name += delta.function?.name ?? "";
    call.arguments += delta.function?.arguments ?? "";
  }
  return calls;
}
