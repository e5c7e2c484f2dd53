// Threads that compute slices of one operation in the memory they share with tfjs's back end.
//
// The protocol: the main thread writes the operation into `table` (a kernel, and the arguments of each slice), then
// publishes it in one word, STATE: the operation's number above, how many slices are left to take below. Whoever lowers
// that count by compare-and-exchange owns the slice; the main thread takes slices as well, so that an operation gets done
// though no other thread wakes up. Each finished slice counts up DONE, and the operation is over once all have.
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

/** One operation: the arguments of each slice, and the scratch space that every thread needs for itself. */
export interface Operation {
  slices: number[][];
  /** Address of the scratch space of all threads, one after the other; it becomes the last argument. */
  scratch: number;
  /** Bytes of it for one thread; 0 where the kernel takes none. */
  scratchBytes: number;
}

/** Places of the control words, 64 bytes apart where several threads write them; and the sizes of the table. */
const WORDS = { STATE: 0, DONE: 16, FAILED: 32, KERNEL: 48, LENGTH: 49, WIDTH: 24, COUNT_BITS: 8 };
/** The most slices of one operation. */
export const MAX_SLICES = 64;
/**
 * How often a word is looked at before sleeping: some 200 µs, which covers nearly every gap between two operations of a
 * step. Waking a thread takes 30 to 60 µs, a fifth of a small model's step.
 */
const SPINS = 20_000;
const WAIT_MS = 100;

export class KernelPool {
  readonly #options: KernelPoolOptions;
  readonly #names: KernelName[];
  readonly #control = new Int32Array(new SharedArrayBuffer(64 * 4));
  readonly #table = new Float64Array(new SharedArrayBuffer((2 + MAX_SLICES * WORDS.WIDTH) * 8));
  readonly #workers = new Set<Worker>();
  #number = 0;

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

  /**
   * Computes all slices of an operation.
   *
   * @throws FourfoldError 'internal' where a kernel failed, or a thread died with a slice taken; the results are then void,
   * and the pool is closed
   */
  run(name: KernelName, operation: Operation): void {
    const { slices, scratch, scratchBytes } = operation;
    this.#publish(name, operation);
    const control = this.#control;
    const kernel = this.#options.kernels[name];
    try {
      for (let index = this.#take(); index !== null; index = this.#take()) {
        const slice = slices[index] ?? [];
        if (scratchBytes > 0) kernel(...slice, scratch);
        else kernel(...slice);
        Atomics.add(control, WORDS.DONE, 1);
      }
    } catch (cause) {
      void this.close();
      throw new FourfoldError('internal', `${name}: expected the kernel to finish; it did not.`, { cause });
    }
    if (this.#waitFor(slices.length) && control[WORDS.FAILED] === 0) return;
    void this.close();
    throw new FourfoldError(
      'internal',
      `${name}: expected every thread to finish its part; one ended or failed within it. ` +
        'Start the command again, with --threads 1 if it happens twice.',
    );
  }

  #publish(name: KernelName, { slices, scratch, scratchBytes }: Operation): void {
    const [control, table] = [this.#control, this.#table];
    control[WORDS.KERNEL] = this.#names.indexOf(name);
    control[WORDS.LENGTH] = slices[0]?.length ?? 0;
    table[0] = scratch;
    table[1] = scratchBytes;
    for (const [i, slice] of slices.entries()) table.set(slice, 2 + i * WORDS.WIDTH);
    Atomics.store(control, WORDS.DONE, 0);
    this.#number = (this.#number + 1) & 0x7fffff;
    Atomics.store(control, WORDS.STATE, (this.#number << WORDS.COUNT_BITS) | slices.length);
    Atomics.notify(control, WORDS.STATE);
  }

  /** The index of a slice that is now the main thread's, or null where none is left. */
  #take(): number | null {
    for (;;) {
      const state = Atomics.load(this.#control, WORDS.STATE);
      const left = state & ((1 << WORDS.COUNT_BITS) - 1);
      if (left === 0) return null;
      if (Atomics.compareExchange(this.#control, WORDS.STATE, state, state - 1) === state) return left - 1;
    }
  }

  /** Whether all slices get done. Counts waits, not the clock, so that a process that was stopped and goes on is not blamed. */
  #waitFor(count: number): boolean {
    const control = this.#control;
    for (let i = 0; i < SPINS; i++) if (Atomics.load(control, WORDS.DONE) === count) return true;
    let patience = Math.ceil((this.#options.patienceMs ?? 60_000) / WAIT_MS);
    for (;;) {
      const done = Atomics.load(control, WORDS.DONE);
      if (done === count) return true;
      if (Atomics.wait(control, WORDS.DONE, done, WAIT_MS) === 'timed-out' && patience-- <= 0) return false;
    }
  }

  /** Ends the threads. What runs afterwards runs on the main thread alone. */
  async close(): Promise<void> {
    const workers = [...this.#workers];
    this.#workers.clear();
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}
