// Threads that compute slices of operations in the memory they share with tfjs's back end.
//
// The protocol: operations have numbers and form a queue, a ring of places in `table` (kernels, and their arguments). The main
// thread writes one and counts up PUBLISHED. Each place has a word STATE: the operation's number above, how
// many slices are left to take below. Whoever lowers that count by compare-and-exchange owns the slice; the main thread takes
// slices as well once it has nothing else to do, so that all gets done though no other thread wakes up. Each finished slice
// counts up the place's DONE; the last one of an operation counts up COMPLETED, and only then do slices of the next begin.
// Slices never share an element of a result, so which thread takes which changes no bit.
import { Worker } from 'node:worker_threads';
import { FourfoldError, messageOf } from '../../core/errors.ts';
import type { KernelExports, KernelName } from './exports.ts';
import type { WebAssemblyMemory } from './webAssembly.ts';

export interface KernelPoolOptions {
  /** Path of kernelThread.mjs. */
  program: string;
  /** The compiled kernels, and the main thread's instance of them. */
  module: object;
  kernels: KernelExports;
  memory: WebAssemblyMemory;
  /** Where each further thread's constants lie: one address a thread. */
  constants: number[];
  /** Receives a line when a thread has ended on its own. */
  note?: ((line: string) => void) | undefined;
  /** How long the main thread waits for slices that others took before it takes them for dead. */
  patienceMs?: number;
}

/** One call of a kernel. */
export interface Call {
  name: KernelName;
  /** Its arguments; of a call over rows those of row 0, the first being the count of a row. */
  values: number[];
  /** Of a call over rows: what each argument but the first grows by from row to row. */
  steps?: number[];
}

/** One operation, and the scratch space that every thread needs for itself. */
export interface Operation {
  /** One call a slice; or, over rows, what is called one after the other for the rows of each slice. */
  calls: Call[];
  /** Rows in all, and those of a slice. */
  rows?: { count: number; block: number };
  /** Address of the scratch space of all threads, one after the other; it becomes the last argument. */
  scratch: number;
  /** Bytes of it for one thread; 0 where no kernel takes any. */
  scratchBytes: number;
}

/** Operations in the queue at most, and slices or calls of one. */
const PLACES = 64;
export const MAX_SLICES = 64;
/**
 * Places of the control words, 64 bytes apart where several threads write them, those of an operation from FIRST on; and
 * the sizes of a place in the table: its head (calls over rows, rows, rows of a slice, scratch and bytes of it), then entries
 * of a call (kernel, how many arguments, WIDTH of them, WIDTH steps).
 */
const WORDS = {
  ...{ PUBLISHED: 0, COMPLETED: 16, FAILED: 32, FIRST: 48, STATE: 0, DONE: 16, STEP: 32 },
  ...{ PLACES, HEAD: 5, WIDTH: 24, ENTRY: 50, PLACE: 5 + MAX_SLICES * 50, COUNT_BITS: 8 },
};
const COUNT_MASK = (1 << WORDS.COUNT_BITS) - 1;
/** Of an operation's number, what stands in STATE. */
const NUMBER_MASK = (1 << (31 - WORDS.COUNT_BITS)) - 1;
/**
 * How often a word is looked at before sleeping: some 200 µs, which covers nearly every gap between two operations of a
 * step. Waking a thread takes 30 to 60 µs, a fifth of a small model's step.
 */
const SPINS = 20_000;
const WAIT_MS = 100;

export class KernelPool {
  readonly #options: KernelPoolOptions;
  readonly #names: KernelName[];
  readonly #control = new Int32Array(new SharedArrayBuffer((WORDS.FIRST + PLACES * WORDS.STEP) * 4));
  readonly #table = new Float64Array(new SharedArrayBuffer(PLACES * WORDS.PLACE * 8));
  readonly #workers = new Set<Worker>();
  /** Arrays for the arguments of a call, by their number. */
  readonly #spaces = Array.from({ length: WORDS.WIDTH + 1 }, (_, count) => new Array<number>(count + 1).fill(0.5));
  /** Why the results are void, once they are. */
  #failure: FourfoldError | null = null;
  /** The number of the next operation; it goes round at 2³¹, as the words do. */
  #next = 0;

  constructor(options: KernelPoolOptions) {
    this.#options = options;
    this.#names = Object.keys(options.kernels) as KernelName[];
    try {
      for (const [i, constants] of options.constants.entries()) this.#start(i + 1, constants);
    } catch (error) {
      options.note?.(`wasm: a thread did not start (${messageOf(error)}); going on with ${this.threads}`);
    }
  }

  /** How many threads were started beside the main one. */
  get workers(): number {
    return this.#options.constants.length;
  }

  /** How many threads compute now, the main one included. */
  get threads(): number {
    return this.#workers.size + 1;
  }

  #start(thread: number, constants: number): void {
    const { program, module, memory, note } = this.#options;
    const shared = { control: this.#control.buffer, table: this.#table.buffer };
    const worker = new Worker(program, {
      workerData: { module, memory, constants, thread, names: this.#names, spins: SPINS, shared, words: WORDS },
      execArgv: [],
    });
    this.#workers.add(worker);
    let reason = '';
    worker.on('error', (error) => {
      reason = ` (${messageOf(error)})`;
    });
    worker.on('exit', () => {
      if (this.#workers.delete(worker)) note?.(`wasm: a thread has ended${reason}; going on with ${this.threads}`);
    });
    worker.unref();
  }

  /** Computes all slices of an operation, and what was queued before. @throws as `join` */
  run(operation: Operation): void {
    this.queue(operation);
    this.join();
  }

  /** Leaves an operation to the other threads, which begin once those queued before are done. */
  queue({ calls, rows, scratch, scratchBytes }: Operation): void {
    const slices = rows === undefined ? calls.length : Math.ceil(rows.count / rows.block);
    if (slices === 0 || calls.length === 0) return;
    if (Math.max(slices, calls.length) > MAX_SLICES || calls.some(({ values }) => values.length > WORDS.WIDTH))
      throw new FourfoldError('internal', `${calls[0]?.name}: expected at most ${MAX_SLICES} slices; got ${slices}.`);
    const [control, table] = [this.#control, this.#table];
    const number = this.#next;
    this.#completeUntil((number - PLACES + 1) | 0);
    const place = number & (PLACES - 1);
    const at = place * WORDS.PLACE;
    table[at] = rows === undefined ? 0 : calls.length;
    table[at + 1] = rows?.count ?? 0;
    table[at + 2] = rows?.block ?? 0;
    table[at + 3] = scratch;
    table[at + 4] = scratchBytes;
    // Slices are taken from the last on, calls of a slice from the first on.
    const placeOf = (i: number): number => (rows === undefined ? calls.length - 1 - i : i);
    for (const [i, call] of calls.entries()) this.#write(call, at + WORDS.HEAD + placeOf(i) * WORDS.ENTRY);
    const words = WORDS.FIRST + place * WORDS.STEP;
    Atomics.store(control, words + WORDS.DONE, -slices);
    Atomics.store(control, words + WORDS.STATE, ((number & NUMBER_MASK) << WORDS.COUNT_BITS) | slices);
    this.#next = (number + 1) | 0;
    Atomics.store(control, WORDS.PUBLISHED, this.#next);
    Atomics.notify(control, WORDS.PUBLISHED);
  }

  #write({ name, values, steps }: Call, entry: number): void {
    const table = this.#table;
    table[entry] = this.#names.indexOf(name);
    table[entry + 1] = values.length;
    table.set(values, entry + 2);
    if (steps !== undefined) table.set(steps, entry + 2 + WORDS.WIDTH);
  }

  /**
   * Takes part until all that was queued is computed.
   *
   * @throws FourfoldError 'internal' where a kernel failed, or a thread died with a slice taken; the results are then void,
   * and the pool is closed
   */
  join(): void {
    this.#completeUntil(this.#next);
  }

  /** Takes part until COMPLETED has come to `number`. */
  #completeUntil(number: number): void {
    if (this.#failure !== null) throw this.#failure;
    const control = this.#control;
    for (;;) {
      const current = Atomics.load(control, WORDS.COMPLETED);
      if (((current - number) | 0) >= 0) break;
      for (let slice = this.#take(current); slice !== null; slice = this.#take(current)) this.#compute(current, slice);
      if (!this.#waitFor(current)) this.#fail('one ended within it');
    }
    if (control[WORDS.FAILED] !== 0) this.#fail('one failed within it');
  }

  #fail(reason: string): never {
    void this.close();
    this.#failure = new FourfoldError(
      'internal',
      `wasm: expected every thread to finish its part of an operation; ${reason}. ` +
        'Start the command again, with --threads 1 if it happens twice.',
    );
    throw this.#failure;
  }

  /** The index of a slice of operation `number` that is now the main thread's, or null where none is left. */
  #take(number: number): number | null {
    const word = WORDS.FIRST + (number & (PLACES - 1)) * WORDS.STEP + WORDS.STATE;
    for (;;) {
      const state = Atomics.load(this.#control, word);
      const left = state & COUNT_MASK;
      if (left === 0 || state >>> WORDS.COUNT_BITS !== (number & NUMBER_MASK)) return null;
      if (Atomics.compareExchange(this.#control, word, state, state - 1) === state) return left - 1;
    }
  }

  #compute(number: number, slice: number): void {
    const [control, table] = [this.#control, this.#table];
    const place = number & (PLACES - 1);
    const at = place * WORDS.PLACE;
    const calls = table[at] as number;
    const first = at + WORDS.HEAD;
    if (calls === 0) this.#call(at, first + slice * WORDS.ENTRY, 0);
    for (let i = 0; i < calls; i++) this.#call(at, first + i * WORDS.ENTRY, slice * (table[at + 2] as number));
    const done = WORDS.FIRST + place * WORDS.STEP + WORDS.DONE;
    if (Atomics.add(control, done, 1) === -1) this.#complete(number);
  }

  /** One call of the operation at `at`, for the rows from `start` on where it goes over rows. */
  #call(at: number, entry: number, start: number): void {
    const table = this.#table;
    const name = this.#names[table[entry] as number] as KernelName;
    const count = table[entry + 1] as number;
    const from = entry + 2;
    const values = this.#spaces[count] as number[];
    for (let i = 0; i < count; i++)
      values[i] = (table[from + i] as number) + start * (table[from + WORDS.WIDTH + i] as number);
    values[count] = table[at + 3] as number;
    const rows = table[at + 1] as number;
    if (rows > 0) values[0] = (table[from] as number) * Math.min(table[at + 2] as number, rows - start);
    try {
      this.#options.kernels[name](...values);
    } catch (cause) {
      void this.close();
      this.#failure = new FourfoldError('internal', `${name}: expected the kernel to finish; it did not.`, { cause });
      throw this.#failure;
    }
  }

  #complete(number: number): void {
    Atomics.store(this.#control, WORDS.COMPLETED, (number + 1) | 0);
    Atomics.notify(this.#control, WORDS.COMPLETED);
  }

  /** Whether operation `number` gets done. Counts waits, not the clock, so that a process that was stopped and goes on is not blamed. */
  #waitFor(number: number): boolean {
    const control = this.#control;
    for (let i = 0; i < SPINS; i++) if (Atomics.load(control, WORDS.COMPLETED) !== number) return true;
    let patience = Math.ceil((this.#options.patienceMs ?? 60_000) / WAIT_MS);
    for (;;) {
      if (Atomics.load(control, WORDS.COMPLETED) !== number) return true;
      if (Atomics.wait(control, WORDS.COMPLETED, number, WAIT_MS) === 'timed-out' && patience-- <= 0) return false;
    }
  }

  /** Ends the threads. What runs afterwards runs on the main thread alone. */
  async close(): Promise<void> {
    const workers = [...this.#workers];
    this.#workers.clear();
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}
