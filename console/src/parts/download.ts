// Saves an answer of the API as a file. A plain link would not carry the console's header.
import { errorOf, MARK } from "~/api/client";
import { notify, showProgress } from "./notices";

const NEWLINE = 10;

/** All pages, where the answer has several: the head of the next one names where it begins. */
export async function download(path: string, query: Record<string, string | undefined>, name: string) {
  const stop = new AbortController();
  const progress = showProgress(`Saving ${name}`, () => stop.abort());
  try {
    const parts: BlobPart[] = [];
    let [after, bytes]: [string | undefined, number] = [undefined, 0];
    do {
      const pairs = Object.entries({ ...query, after }).filter((pair): pair is [string, string] => pair[1] !== undefined);
      const answer: Response = await fetch(`/api/v1${path}?${new URLSearchParams(pairs)}`, { headers: MARK, signal: stop.signal });
      if (!answer.ok || !answer.body) throw errorOf(await answer.json().catch(() => undefined), answer.status);
      const chunks = await read(answer.body, (more) => progress.tell(bytes += more));
      // The head of the table stands in the first page alone.
      parts.push(...(after === undefined ? chunks : withoutHead(chunks)));
      after = answer.headers.get("x-waybill-next") ?? undefined;
    } while (after);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(parts));
    link.download = name;
    link.click();
    URL.revokeObjectURL(link.href);
  } catch (error) {
    if (!stop.signal.aborted) void notify({ title: (error as Error).message });
  } finally {
    progress.end();
  }
}

async function read(body: ReadableStream<Uint8Array>, tell: (bytes: number) => void): Promise<Uint8Array<ArrayBuffer>[]> {
  const reader = body.getReader();
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return chunks;
    chunks.push(value as Uint8Array<ArrayBuffer>);
    tell(value.byteLength);
  }
}

/** All but the first line. */
function withoutHead(chunks: Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer>[] {
  const index = chunks.findIndex((chunk) => chunk.includes(NEWLINE));
  const first = chunks[index];
  return first ? [first.subarray(first.indexOf(NEWLINE) + 1), ...chunks.slice(index + 1)] : [];
}
