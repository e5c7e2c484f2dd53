// Operations that a composed kernel leaves to the pool while it goes on preparing. Each begins when the one before is over, but
// for two kinds that are gathered into one: over rows, a thread takes a block of rows through many kernels, and what lies between
// them stays in its cache; of kernels that do not depend on each other, all slices are one operation.
import type { KernelName } from './exports.ts';
import { type Call, type KernelPool, MAX_SLICES, type Operation } from './kernelPool.ts';

/** Blocks of rows for each thread: one that is held up leaves its share to the others. */
const BLOCKS_PER_THREAD = 12;
/** Rows of a block are a multiple of this: whole tiles of products, and whole vectors whatever the width of a row. */
const ROW_UNIT = 12;

type Open = Pick<Operation, 'calls' | 'rows'>;

export class KernelQueue {
  readonly #pool: KernelPool;
  /** Gives the scratch space of all threads for `bytes` of each. */
  readonly #scratch: (bytes: number) => number;
  readonly #mostRows: number;
  /** What is not handed on yet: calls over rows, or independent slices. */
  #open: Open | null = null;
  #scratchBytes = 0;
  readonly #packed = new Map<string, number>();

  /** @param mostRows rows of a block at most */
  constructor(pool: KernelPool, { scratch, mostRows }: { scratch: (bytes: number) => number; mostRows: number }) {
    this.#pool = pool;
    this.#scratch = scratch;
    this.#mostRows = mostRows;
  }

  /** Whether kernels that do not depend on each other are being gathered. */
  get isTogether(): boolean {
    return this.#open !== null && this.#open.rows === undefined;
  }

  /** Rows that kernels may be gathered over; 0 where they may not. */
  get rows(): number {
    return this.#open?.rows?.count ?? 0;
  }

  /** The last call over rows that was gathered. */
  get last(): Call | undefined {
    return this.rows > 0 ? this.#open?.calls.at(-1) : undefined;
  }

  /** Where operands of independent operations that are being gathered lie packed, by what they are; null where none are. */
  get packed(): Map<string, number> | null {
    return this.isTogether ? this.#packed : null;
  }

  /** Calls `work`, whose calls over `count` rows, unless they are too many, compute each row from the same row of what came before. */
  byRows<T>(count: number, work: () => T): T {
    const blocks = Math.min(this.#pool.threads * BLOCKS_PER_THREAD, MAX_SLICES);
    const block = Math.min(Math.ceil(count / (blocks * ROW_UNIT)) * ROW_UNIT, this.#mostRows);
    if (count === 0 || count > block * MAX_SLICES) return work();
    return this.#within({ calls: [], rows: { count, block } }, work);
  }

  /** Calls `work`, whose operations do not depend on each other. */
  together<T>(work: () => T): T {
    return this.#within({ calls: [] }, work);
  }

  #within<T>(open: Open, work: () => T): T {
    this.flush();
    this.#open = open;
    try {
      const result = work();
      this.flush();
      return result;
    } finally {
      this.#open = null;
    }
  }

  /** An operation of slices. */
  run(name: KernelName, slices: number[][], scratchBytes: number): void {
    const calls = slices.map((values) => ({ name, values }));
    const isTogether = this.isTogether && (this.#open?.calls.length ?? 0) + calls.length <= MAX_SLICES;
    if (!isTogether) this.flush();
    if (this.#open === null || this.rows > 0) this.#submit({ calls }, scratchBytes);
    else this.#add(calls, scratchBytes);
  }

  /** An operation before what is being gathered, on which it does not depend. */
  runAhead(name: KernelName, slices: number[][]): void {
    this.#submit({ calls: slices.map((values) => ({ name, values })) }, 0);
  }

  /** A call over the rows of `byRows`. */
  runByRows(call: Call, scratchBytes: number): void {
    if (this.#open?.calls.length === MAX_SLICES) this.flush();
    this.#add([call], scratchBytes);
  }

  #add(calls: Call[], scratchBytes: number): void {
    this.#open?.calls.push(...calls);
    this.#scratchBytes = Math.max(this.#scratchBytes, scratchBytes);
  }

  /** Hands on what has been gathered. */
  flush(): void {
    if (this.#open === null || this.#open.calls.length === 0) return;
    const gathered = { ...this.#open };
    const scratchBytes = this.#scratchBytes;
    this.#open.calls = [];
    this.#packed.clear();
    this.#scratchBytes = 0;
    this.#submit(gathered, scratchBytes);
  }

  /** Hands on what has been gathered, and waits until all is computed. */
  join(): void {
    this.flush();
    this.#pool.join();
  }

  #submit(operation: Open, scratchBytes: number): void {
    this.#pool.queue({ ...operation, scratch: scratchBytes > 0 ? this.#scratch(scratchBytes) : 0, scratchBytes });
  }
}
