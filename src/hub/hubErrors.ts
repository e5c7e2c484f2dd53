// What went wrong with the hub, in words that tell the way out. A token never gets into them.
import { HubApiError } from '@huggingface/hub';
import { FourfoldError, messageOf, systemCodeOf } from '../core/errors.ts';
import type { HubEnvironment } from './environment.ts';

/** A reply of the hub that is no success. */
export class HubReply extends Error {
  readonly status: number;

  constructor(status: number, what: string) {
    super(`${what}: status ${status}`);
    this.status = status;
  }
}

const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
  'UND_ERR_SOCKET',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
]);

/** The code of a failed connection in the error or its causes, or null. */
export function networkCodeOf(error: unknown): string | null {
  let at = error;
  for (let depth = 0; typeof at === 'object' && at !== null && depth < 5; depth++) {
    const code = systemCodeOf(at);
    if (code !== null && NETWORK_CODES.has(code)) return code;
    // A name with several addresses fails once for each.
    if ('errors' in at && Array.isArray(at.errors) && at.errors.length > 0) at = at.errors[0];
    else at = 'cause' in at ? at.cause : null;
  }
  return messageOf(error) === 'fetch failed' ? 'fetch failed' : null;
}

/** The HTTP status that an error carries, or null. */
export function statusOf(error: unknown): number | null {
  if (error instanceof HubReply) return error.status;
  return error instanceof HubApiError ? error.statusCode : null;
}

/** True where asking again later may help: a lost connection, a busy or failing server. */
export function isPassing(error: unknown): boolean {
  const status = statusOf(error);
  return status === null ? networkCodeOf(error) !== null : status === 429 || status >= 500;
}

/** The error as one of ours; what we cannot name comes back as it is. @param what 'owner/name@revision' */
export function hubErrorOf(error: unknown, what: string, { endpoint, token }: HubEnvironment): unknown {
  if (error instanceof FourfoldError) return error;
  const options = { cause: error };
  const network = networkCodeOf(error);
  if (network !== null) {
    return new FourfoldError(
      'server-failed',
      `Could not reach ${endpoint} for ${what} (${network}). Check the network and HF_ENDPOINT, and run the same command again; ` +
        'what was fetched is kept.',
      options,
    );
  }
  const status = statusOf(error);
  switch (status) {
    case null:
      return error;
    case 401:
      return new FourfoldError(
        'not-allowed',
        token === null
          ? `${endpoint} does not show ${what} to strangers: it does not exist, is private, or is gated. Check the name, or set HF_TOKEN to a token that may read it.`
          : `${endpoint} refused the token for ${what}: it is wrong or expired, or the repository does not exist. Check the name and HF_TOKEN.`,
        options,
      );
    case 403:
      return new FourfoldError(
        'not-allowed',
        `${endpoint} refuses access to ${what}: it is gated, or the token lacks the right. Ask for access on the repository's page, and set HF_TOKEN to a token that has it.`,
        options,
      );
    case 404:
      return new FourfoldError(
        'not-found',
        `There is no ${what} at ${endpoint}. Check owner, name and revision; a private repository needs HF_TOKEN.`,
        options,
      );
    default:
      return new FourfoldError(
        'server-failed',
        `${endpoint} failed for ${what} (status ${status}): ${messageOf(error)}. Run the same command again; what was fetched is kept.`,
        options,
      );
  }
}
