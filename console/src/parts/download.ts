// Saves an answer of the API as a file. A plain link would not carry the console's header.
import { errorOf, MARK } from "~/api/client";
import { notify } from "./notices";

/** All pages, where the answer has several: the head of the next one names where it begins. */
export async function download(path: string, query: Record<string, string | undefined>, name: string) {
  const parts: Blob[] = [];
  let after: string | undefined;
  do {
    const pairs = Object.entries({ ...query, after }).filter((pair): pair is [string, string] => pair[1] !== undefined);
    const answer = await fetch(`/api/v1${path}?${new URLSearchParams(pairs)}`, { headers: MARK });
    if (!answer.ok) {
      void notify({ title: errorOf(await answer.json().catch(() => undefined), answer.status).message });
      return;
    }
    const text = await answer.text();
    // The head of the table stands in the first page alone.
    parts.push(new Blob([after === undefined ? text : text.slice(text.indexOf("\n") + 1)]));
    after = answer.headers.get("x-waybill-next") ?? undefined;
  } while (after);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(parts));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
