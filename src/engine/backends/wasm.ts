// The `wasm` back end: tfjs's WebAssembly back end from the package's own files.
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { defineEmptySum } from '../composed/emptySum.ts';
import { defineLlamaLayer } from '../composed/llamaLayer.ts';
import { registerDecoder } from '../decoder.ts';
import * as tf from '../tf.ts';
import { makeWasmDecoder } from '../wasm/decoder.ts';
import { defineDecodingKernels } from '../wasm/decodingKernels.ts';
import { defineFusedKernels } from '../wasm/fusedKernels.ts';
import { registerKernelGradients } from '../wasm/gradients.ts';
import { defineProducts } from '../wasm/products.ts';
import { defineRowKernels } from '../wasm/rowKernels.ts';
import { type KernelRuntime, loadKernels, type WasmBackend } from '../wasm/runtime.ts';
import { withSharedMemory } from '../wasm/sharedBackend.ts';

let running: KernelRuntime | null = null;

/**
 * Starts WebAssembly with our kernels, on `threads` threads. The first start settles how many there are; a later one may
 * still turn to one thread, and back. Throws where its files are missing or the runtime lacks SIMD.
 */
export async function startWasm(threads = 1, note?: (line: string) => void): Promise<void> {
  await startStockWasm(threads > 1);
  if (tf.getKernel('FourfoldLinear', 'wasm') == null) {
    running = loadKernels(tf.backend() as unknown as WasmBackend, threads, note);
    if (running === null) {
      note?.('wasm: the kernels were not built (npm run build:kernels); plain operations are used, many times slower');
      return;
    }
    registerKernelGradients();
    defineEmptySum();
    defineProducts(running);
    defineRowKernels(running);
    defineFusedKernels(running);
    defineDecodingKernels(running);
    const runtime = running;
    defineLlamaLayer({
      within: (work) => runtime.queued(work),
      byRows: (rows, work) => runtime.byRows(rows, work),
      together: (work) => runtime.together(work),
      free: (tensor) => runtime.release(tensor),
    });
    registerDecoder('wasm', (model, size) => makeWasmDecoder(runtime, model, size));
  }
  if (running !== null) running.isShared = threads > 1;
}

/** How many threads share the large operations, the main one included. */
export function threadsOfWasm(): number {
  return running?.threads ?? 1;
}

/** What the kernels compute with, in words; null before the start, or where they were not built. */
export function aboutWasm(): string | null {
  if (running === null) return null;
  if (running.isJoined) return 'vectors of 256 bits';
  return `vectors of 128 bits${process.arch === 'x64' ? '; of 256 with Node 24 or newer, twice as fast' : ''}`;
}

/** Ends the threads of the pool, if any; the back end goes on with one. */
export async function endThreads(): Promise<void> {
  await running?.close();
}

/** Starts WebAssembly with tfjs's own kernels only, which the benchmark measures ours against. */
export async function startStockWasm(sharesMemory = false): Promise<void> {
  if (tf.findBackend('wasm') === null) {
    const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
    const main = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm/package.json');
    setWasmPaths(join(dirname(main), 'wasm-out') + sep);
    const start = (): Promise<boolean> => withoutNewListeners(() => tf.setBackend('wasm'));
    if (sharesMemory && (await withSharedMemory(start).catch(() => false))) return;
  }
  const isStarted = await withoutNewListeners(() => tf.setBackend('wasm'));
  if (!isStarted) throw new Error('tfjs refused to start it');
}

/** Runs `start` and takes away the handlers it puts on the process: its module rethrows every error of the program. */
async function withoutNewListeners<T>(start: () => Promise<T>): Promise<T> {
  const events = ['uncaughtException', 'unhandledRejection'];
  const before = events.map((event) => new Set(process.rawListeners(event)));
  const result = await start();
  for (const [i, event] of events.entries()) {
    for (const listener of process.rawListeners(event)) {
      if (!before[i]?.has(listener)) process.removeListener(event, listener as () => void);
    }
  }
  return result;
}
