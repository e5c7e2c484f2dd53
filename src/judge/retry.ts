// Trying again after a failure that may pass, with growing pauses.
import { setTimeout as sleep } from 'node:timers/promises';

/** A failure of one attempt. */
export class AttemptFailed extends Error {
  readonly isRetryable: boolean;
  /** How long the server asked to wait; null where it did not say. */
  readonly waitMs: number | null;

  constructor(message: string, options: { isRetryable: boolean; waitMs?: number | null; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.name = 'AttemptFailed';
    this.isRetryable = options.isRetryable;
    this.waitMs = options.waitMs ?? null;
  }
}

const LONGEST_PAUSE_MS = 60_000;

/**
 * The result of `attempt`, which is called again after an AttemptFailed that is retryable, up to `maxRetries` times,
 * after backoffMs, 2 backoffMs, 4 backoffMs, ... or as long as the server asked.
 * @throws the last failure, anything that is not an AttemptFailed at once, and an AbortError when aborted in a pause.
 */
export async function withRetries<T>(
  attempt: () => Promise<T>,
  options: { maxRetries: number; backoffMs: number; signal: AbortSignal },
): Promise<T> {
  for (let retries = 0; ; retries++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof AttemptFailed) || !error.isRetryable || retries >= options.maxRetries) throw error;
      const pauseMs = error.waitMs ?? options.backoffMs * 2 ** retries;
      await sleep(Math.min(pauseMs, LONGEST_PAUSE_MS), undefined, { signal: options.signal });
    }
  }
}
