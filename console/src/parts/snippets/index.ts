// The same request in the words of each client. Chat's own dialect is written here, the others are
// translated from it in `anthropic.ts` and `gemini.ts`.
import { anthropicBody } from "./anthropic";
import { geminiBody } from "./gemini";
import { keywords } from "./python";

export type Client = { id: string; label: string; language: string; code: (where: Where) => string };

export type Where = {
  /** Without a slash at the end. */
  url: string;
  /** A key, or a variable that holds one. */
  key: string;
  model: string;
  /** A whole request in the OpenAI chat dialect; a greeting when absent. */
  body?: Record<string, unknown>;
};

const greeting = (model: string) => ({ model, messages: [{ role: "user", content: "Say hello." }] });
const bodyOf = ({ model, body }: Where) => body ?? greeting(model);
const shown = (key: string) => (key.startsWith("$") ? `"${key}"` : `'${key}'`);

/** Fields that OpenAI's own client does not know travel in `extra_body`. */
const EXTRA = ["provider", "reasoning", "models", "plugins"];

function openaiFields(body: Record<string, unknown>): Record<string, unknown> {
  const known = Object.entries(body).filter(([key]) => !EXTRA.includes(key));
  const extra = Object.entries(body).filter(([key]) => EXTRA.includes(key));
  return { ...Object.fromEntries(known), ...(extra.length > 0 ? { extra_body: Object.fromEntries(extra) } : {}) };
}

const curl: Client = {
  id: "curl", label: "curl", language: "sh",
  code: (where) => [
    `curl ${where.url}/api/v1/chat/completions \\`,
    `  -H "Authorization: Bearer ${where.key}" \\`,
    `  -H "Content-Type: application/json" \\`,
    `  -d '${JSON.stringify(bodyOf(where), null, 2).replaceAll("'", "'\\''")}'`,
  ].join("\n"),
};

const environ = (key: string) => (key.startsWith("$") ? `os.environ["${key.slice(1)}"]` : JSON.stringify(key));

const openaiPython: Client = {
  id: "openai-python", label: "OpenAI (Python)", language: "python",
  code: (where) => [
    ...(where.key.startsWith("$") ? ["import os", ""] : []),
    "from openai import OpenAI", "",
    `client = OpenAI(base_url="${where.url}/api/v1", api_key=${environ(where.key)})`,
    "answer = client.chat.completions.create(", keywords(openaiFields(bodyOf(where))), ")",
    "print(answer.choices[0].message.content)",
  ].join("\n"),
};

const openaiNode: Client = {
  id: "openai-node", label: "OpenAI (TypeScript)", language: "ts",
  code: (where) => [
    'import OpenAI from "openai";', "",
    `const client = new OpenAI({ baseURL: "${where.url}/api/v1", apiKey: ${where.key.startsWith("$") ? `process.env.${where.key.slice(1)}` : JSON.stringify(where.key)} });`,
    `const answer = await client.chat.completions.create(${JSON.stringify(bodyOf(where), null, 2)});`,
    "console.log(answer.choices[0].message.content);",
  ].join("\n"),
};

const anthropicPython: Client = {
  id: "anthropic", label: "Anthropic (Python)", language: "python",
  code: (where) => [
    ...(where.key.startsWith("$") ? ["import os", ""] : []),
    "from anthropic import Anthropic", "",
    `client = Anthropic(base_url="${where.url}/api", api_key=${environ(where.key)})`,
    "answer = client.messages.create(", keywords(anthropicBody(bodyOf(where))), ")",
    "print(answer.content[0].text)",
  ].join("\n"),
};

const claudeCode: Client = {
  id: "claude-code", label: "Claude Code", language: "sh",
  code: (where) => [
    `export ANTHROPIC_BASE_URL=${where.url}/api`,
    `export ANTHROPIC_AUTH_TOKEN=${where.key.startsWith("$") ? shown(where.key) : where.key}`,
    `export ANTHROPIC_MODEL=${where.model}`, "claude",
  ].join("\n"),
};

const gemini: Client = {
  id: "gemini", label: "Google GenAI (Python)", language: "python",
  code: (where) => [
    ...(where.key.startsWith("$") ? ["import os", ""] : []),
    "from google import genai", "",
    `client = genai.Client(api_key=${environ(where.key)}, http_options={"base_url": "${where.url}"})`,
    "answer = client.models.generate_content(", keywords(geminiBody(bodyOf(where))), ")",
    "print(answer.text)",
  ].join("\n"),
};

/** Every client. Claude Code has conversations of its own: it is told where to go, and whom to ask. */
export const clients: Client[] = [curl, openaiPython, openaiNode, anthropicPython, gemini, claudeCode];
