// Time spent on an item: the gaps between signs of life, each counted up to a limit, so that a lunch is not labor.

const LONGEST_GAP_MS = 60_000;

export class ActiveClock {
  #totalMs: number;
  #lastMs: number | null;

  constructor(totalMs: number, nowMs: number) {
    this.#totalMs = totalMs;
    this.#lastMs = nowMs;
  }

  /** A sign of life, or the page becoming visible again. */
  touch(nowMs: number): void {
    if (this.#lastMs !== null) this.#totalMs += Math.min(nowMs - this.#lastMs, LONGEST_GAP_MS);
    this.#lastMs = nowMs;
  }

  /** The page is hidden: nothing counts until the next touch. */
  pause(nowMs: number): void {
    this.touch(nowMs);
    this.#lastMs = null;
  }

  /** Milliseconds so far. */
  readMs(nowMs: number): number {
    const gap = this.#lastMs === null ? 0 : Math.min(nowMs - this.#lastMs, LONGEST_GAP_MS);
    return Math.round(this.#totalMs + gap);
  }
}
