// Why a prompt's cache was of no use any more, in words, and what to do about it.
import type { Schemas } from "~/api/client";

export type Diagnosis = Schemas["PrefixBreak"];

/** Which part of the prompt: `messages[4]` is the fifth message. */
export function partWords(part: string): string {
  const found = /^(\w+)\[(\d+)\]$/.exec(part);
  if (found) {
    const [, list, index] = found;
    const number = Number(index) + 1;
    const names: Record<string, string> = { messages: "message", tools: "tool", system: "part of the instructions", contents: "message", input: "message" };
    return `${names[list!] ?? list} ${number}`;
  }
  const names: Record<string, string> = { system: "the instructions", instructions: "the instructions", system_instruction: "the instructions", tools: "the tools", messages: "the messages" };
  return names[part] ?? part;
}

const changes: Record<Diagnosis["change"], [(part: string) => string, string]> = {
  timestamp: [
    (part) => `A date or a time in ${part} has changed`,
    "Put what changes with each call behind what stays the same: the date belongs into the last message.",
  ],
  reordered: [() => "The same tools came in another order", "Sort the tools by name before each call."],
  inserted: [(part) => `Something was inserted at ${part}`, "Add tools and messages at the end, never in the middle."],
  removed: [(part) => `Something is gone at ${part}`, "Take no tool and no message out of the middle; tool_choice narrows tools without that."],
  edited: [(part) => `The content of ${part} is another`, "Keep what was sent once as it was, to the byte, and say what is new at the end."],
  marker_dropped: [(part) => `Nothing marks ${part} for the cache any more`, "Set cache_control on it in every call, not in the first one alone."],
  truncated: [
    (part) => `The conversation ends earlier than before, at ${part}`,
    "It was compacted or begun anew. Compact seldom, and much at once: each time is paid for with a whole prompt.",
  ],
  none: [() => "The prompt goes on where it ended; the provider had forgotten it", "Ask again within the provider's time, five minutes with most, or mark it for an hour."],
};

/** What happened. */
export function changeWords({ change, part, endpoint_changed }: Diagnosis): string {
  if (change === "none" && endpoint_changed) return "Another endpoint served, which has a cache of its own";
  return changes[change]?.[0](partWords(part)) ?? `${change} at ${part}`;
}

/** What to do about it. */
export function advice({ change, endpoint_changed }: Diagnosis): string {
  if (change === "none" && endpoint_changed) {
    return "Name the conversation (session_id), so that it stays where its prompt is cached. A fallback moves it only when its endpoint fails.";
  }
  return changes[change]?.[1] ?? "Compare the two calls.";
}
