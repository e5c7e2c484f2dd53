// The `wasm` back end: tfjs's WebAssembly back end from the package's own files.
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import * as tf from '../tf.ts';

/** Starts WebAssembly; throws where its files are missing or the runtime lacks SIMD. */
export async function startWasm(): Promise<void> {
  if (tf.findBackend('wasm') === null) {
    const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
    const main = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm/package.json');
    setWasmPaths(join(dirname(main), 'wasm-out') + sep);
  }
  if (!(await tf.setBackend('wasm'))) throw new Error('tfjs refused to start it');
}
