// Wrong passwords and tokens by account: after too many within a time the account takes no more, right or wrong, until
// the time is over. Addresses are limited beside it (routes/session.ts).
import { FourfoldError } from '../../src/core/errors.ts';

const WINDOW_MS = 15 * 60 * 1000;
const MOST_KEPT = 10_000;

export class Attempts {
  readonly #most: number;
  readonly #clock: () => number;
  readonly #failures = new Map<string, { count: number; since: number }>();

  constructor(most = 10, clock: () => number = Date.now) {
    this.#most = most;
    this.#clock = clock;
  }

  /** @throws too-many. */
  check(account: string): void {
    const found = this.#current(account);
    if (found === null || found.count < this.#most) return;
    throw new FourfoldError(
      'too-many',
      `Too many wrong attempts for this account. Try again in ${Math.ceil((found.since + WINDOW_MS - this.#clock()) / 60_000)} minutes.`,
    );
  }

  failed(account: string): void {
    const found = this.#current(account) ?? { count: 0, since: this.#clock() };
    this.#failures.delete(account);
    this.#failures.set(account, { ...found, count: found.count + 1 });
    // The oldest go first, so made-up names cannot fill the memory.
    for (const oldest of this.#failures.keys()) {
      if (this.#failures.size <= MOST_KEPT) break;
      this.#failures.delete(oldest);
    }
  }

  succeeded(account: string): void {
    this.#failures.delete(account);
  }

  #current(account: string) {
    const found = this.#failures.get(account);
    return found === undefined || found.since + WINDOW_MS <= this.#clock() ? null : found;
  }
}
