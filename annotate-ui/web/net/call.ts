// One call to the server: JSON in, JSON out, and a failure says whether trying again can help.
import type { ErrorReply } from '../../../src/core/annotationApi.ts';

/** The server refused. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
  }

  /** The same request may succeed later: the server is overloaded or failing, not the request wrong. */
  get isPassing(): boolean {
    return this.status >= 500 || this.status === 429 || this.status === 408;
  }
}

/** No answer came: no network, or no server. */
export class OfflineError extends Error {
  constructor(cause: unknown) {
    super('no answer from the server', { cause });
    this.name = 'OfflineError';
  }
}

const TIMEOUT_MS = 20_000;
const LONG_TIMEOUT_MS = 120_000;
/** No form of another site can send this header; the server asks for it where something changes. */
const FROM_THE_PAGE = { 'x-fourfold-request': '1' };

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export async function call<T>(method: Method, path: string, body?: unknown): Promise<T> {
  if (body === undefined) return send<T>(path, { method, headers: FROM_THE_PAGE }, TIMEOUT_MS);
  const headers = { ...FROM_THE_PAGE, 'content-type': 'application/json' };
  return send<T>(path, { method, headers, body: JSON.stringify(body) }, TIMEOUT_MS);
}

/** Sends a file as it is. */
export async function callWithFile<T>(path: string, file: Blob): Promise<T> {
  const headers = { ...FROM_THE_PAGE, 'content-type': 'application/octet-stream' };
  return send<T>(path, { method: 'POST', headers, body: file }, LONG_TIMEOUT_MS);
}

async function send<T>(path: string, request: RequestInit, timeoutMs: number): Promise<T> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, {
      credentials: 'same-origin',
      signal: AbortSignal.timeout(timeoutMs),
      ...request,
    });
    text = await response.text();
  } catch (error) {
    throw new OfflineError(error);
  }
  if (!response.ok) throw new ApiError(response.status, messageIn(text) ?? response.statusText);
  return JSON.parse(text) as T;
}

function messageIn(text: string): string | null {
  try {
    const reply = JSON.parse(text) as Partial<ErrorReply>;
    return reply.error?.message ?? null;
  } catch {
    return null;
  }
}
