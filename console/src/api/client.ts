// The one way to the server: our own public API, typed by its own document.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** Sent with every request: without it the session's cookie counts for nothing. */
export const MARK = { "x-waybill-console": "1" } as const;

/** What the server said went wrong, in its own words. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly type?: string,
    readonly field?: string,
  ) {
    super(message);
  }

  get isSignedOut() {
    return this.status === 401;
  }
}

export const api = createClient<paths>({ baseUrl: "/api/v1", headers: MARK });

type Answer<T> = { data?: T; error?: unknown; response: Response };

/** The data of an answer, or its error thrown. */
export async function told<T>(answer: Promise<Answer<T>>): Promise<T> {
  let settled: Answer<T>;
  try {
    settled = await answer;
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw new ApiError("The server does not answer. Is it running?", 0);
  }
  if (settled.response.ok) return settled.data as T;
  throw errorOf(settled.error, settled.response.status);
}

/** An error answer as an exception. */
export function errorOf(body: unknown, status: number): ApiError {
  const error = (body as { error?: Schemas["ErrorBody"] } | undefined)?.error;
  const message = error?.message ?? `The server answered with status ${status}.`;
  return new ApiError(message, status, error?.metadata?.error_type, error?.metadata?.field);
}
