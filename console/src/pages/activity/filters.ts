// What a person asks of the list of calls, in the words of the address and of the API.
import { duration, moment, usd } from "~/parts/format";
import type { ActivitySearch } from "~/router";

export type Change = (part: Partial<ActivitySearch>) => void;

/** What the API is asked, from what is in the address. */
export function queryOf(search: ActivitySearch) {
  const start = search.from ?? (search.span ? new Date(Date.now() - search.span * 1000).toISOString() : undefined);
  return {
    start, end: search.to, search: search.q, outcome: search.outcome, status: search.status, api_key_hash: search.key,
    model: search.model, provider: search.provider, endpoint: search.endpoint, app: search.app, session_id: search.session,
    workspace_id: search.workspace, user_id: search.member, origin: search.origin, end_user: search.user,
    min_cost: search.cost === undefined ? undefined : String(search.cost), min_latency: search.latency,
  };
}

/** The filters that stand behind "More": how each is called and told. */
const behind: [keyof ActivitySearch, string, (value: string | number) => string][] = [
  ["from", "From", (value) => moment(String(value))], ["to", "Until", (value) => moment(String(value))],
  ["model", "Model", String], ["provider", "Provider", String], ["endpoint", "Endpoint", String], ["app", "App", String],
  ["workspace", "Workspace", String], ["member", "Member", String], ["origin", "Referer", String], ["user", "End user", String],
  ["session", "Session", String], ["status", "Status", String],
  ["cost", "Cost from", (value) => usd(Number(value))], ["latency", "Took from", (value) => duration(Number(value))],
];

export type Chip = { field: keyof ActivitySearch; name: string; value: string };

/** Those of them that are in force. */
export const chipsOf = (search: ActivitySearch): Chip[] =>
  behind.flatMap(([field, name, words]) => {
    const value = search[field];
    return value === undefined ? [] : [{ field, name, value: words(value) }];
  });

/** The moment as a field for a date and a time of this place holds it, and back. */
export function toField(iso: string | undefined): string {
  if (!iso) return "";
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? "" : new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

export function fromField(text: string): string | undefined {
  const at = new Date(text);
  return text === "" || Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}
