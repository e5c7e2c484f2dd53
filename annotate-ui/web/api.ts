// Calls to the server: typed, and a failure says whether trying again can help.
import type {
  ErrorReply,
  JudgementReply,
  JudgementRequest,
  Me,
  NextReply,
  SessionReply,
} from '../../src/core/annotationApi.ts';

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

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, {
      method,
      credentials: 'same-origin',
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
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

export const api = {
  me: () => call<Me>('GET', '/api/me'),
  signIn: (token: string) => call<SessionReply>('POST', '/api/session', { token }),
  signOut: () => call<Record<string, never>>('DELETE', '/api/session'),
  /** @param held items that this page shows or has still to send */
  next: (held: ReadonlyArray<string>) =>
    call<NextReply>('GET', `/api/tasks/next?exclude=${encodeURIComponent(held.join(','))}`),
  judge: (itemId: string, body: JudgementRequest) =>
    call<JudgementReply>('PUT', `/api/tasks/${encodeURIComponent(itemId)}/judgement`, body),
};
