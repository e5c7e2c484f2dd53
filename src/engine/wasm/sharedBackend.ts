// Starts the build of tfjs's WebAssembly back end whose memory several threads may share.
//
// That build is made for browsers: it starts eight threads of its own from blob addresses, which Node's worker threads
// cannot load. On one thread it never gives them work, so stand-ins that only report themselves as loaded do; our own
// threads (kernelPool.ts) then compute in its memory.
import * as tf from '../tf.ts';

interface LoadMessage {
  cmd: string;
}
type Listener = (message: { cmd: string }) => void;

/** A thread that is never given work: the part of Node's Worker that the module calls while it starts. */
class StandInWorker {
  readonly #listeners: Listener[] = [];

  constructor(address: string) {
    // The module made this address for the worker's program, which is not needed.
    URL.revokeObjectURL(address);
  }

  on(event: string, listener: Listener): void {
    if (event === 'message') this.#listeners.push(listener);
  }

  postMessage({ cmd }: LoadMessage): void {
    if (cmd !== 'load') throw new Error(`tfjs asked a thread of its own to ${cmd}, though it runs on one`);
    queueMicrotask(() => {
      for (const listener of this.#listeners) listener({ cmd: 'loaded' });
    });
  }

  ref(): void {}
  unref(): void {}
  terminate(): void {}
}

/** Runs `start` so that tfjs picks its threaded build. Whether it did shows in its memory alone. */
export async function withSharedMemory<T>(start: () => Promise<T>): Promise<T> {
  const { setThreadsCount } = await import('@tensorflow/tfjs-backend-wasm');
  setThreadsCount(1);
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', true);
  const before = Object.getOwnPropertyDescriptor(globalThis, 'Worker');
  // The module assigns Node's Worker to this global before it uses it, hence the setter that ignores it.
  Object.defineProperty(globalThis, 'Worker', { configurable: true, get: () => StandInWorker, set: () => undefined });
  try {
    return await start();
  } finally {
    tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
    if (before === undefined) Reflect.deleteProperty(globalThis, 'Worker');
    else Object.defineProperty(globalThis, 'Worker', before);
  }
}
