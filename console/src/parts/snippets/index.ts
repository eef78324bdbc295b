// The same request in the words of each client.

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

/** JSON as Python writes it. */
function python(value: unknown, indent = ""): string {
  const inner = `${indent}    `;
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) {
    return value.length === 0 ? "[]" : `[\n${value.map((item) => inner + python(item, inner)).join(",\n")},\n${indent}]`;
  }
  if (typeof value === "object") {
    const rows = Object.entries(value).map(([key, item]) => `${inner}${JSON.stringify(key)}: ${python(item, inner)}`);
    return rows.length === 0 ? "{}" : `{\n${rows.join(",\n")},\n${indent}}`;
  }
  return JSON.stringify(value);
}

/** Fields that OpenAI's own client does not know travel in `extra_body`. */
const EXTRA = ["provider", "reasoning", "models", "plugins"];

function pythonArguments(body: Record<string, unknown>): string {
  const known = Object.entries(body).filter(([key]) => !EXTRA.includes(key));
  const extra = Object.fromEntries(Object.entries(body).filter(([key]) => EXTRA.includes(key)));
  const rows = known.map(([key, value]) => `    ${key}=${python(value, "    ")},`);
  if (Object.keys(extra).length > 0) rows.push(`    extra_body=${python(extra, "    ")},`);
  return rows.join("\n");
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
    "answer = client.chat.completions.create(", pythonArguments(bodyOf(where)), ")",
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
    "answer = client.messages.create(",
    `    model="${where.model}",`, "    max_tokens=1024,",
    '    messages=[{"role": "user", "content": "Say hello."}],', ")",
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
    `answer = client.models.generate_content(model="${where.model}", contents="Say hello.")`,
    "print(answer.text)",
  ].join("\n"),
};

/** Clients that can make any request, and those that are shown the way with a greeting. */
export const anyRequest: Client[] = [curl, openaiPython, openaiNode];
export const clients: Client[] = [curl, openaiPython, openaiNode, anthropicPython, claudeCode, gemini];
