import { AdamW } from './adamW.ts';
import { startEngine } from './backend.ts';
import { endThreads } from './backends/wasm.ts';
import { attention } from './ops/attention.ts';
import { linear } from './ops/linear.ts';
import { swiglu } from './ops/swiglu.ts';
import { tokenLogProbs } from './ops/tokenLogProbs.ts';
import * as tf from './tf.ts';

const notes: string[] = [];

beforeAll(async () => {
  await startEngine({ backend: 'wasm', threads: 2, note: (line) => notes.push(line) });
});
afterAll(endThreads);

const uniform = (shape: number[], seed: number): tf.Tensor => tf.randomUniform(shape, -1, 1, 'float32', seed);

type Inputs = tf.Tensor[];

/** The bits of a function's values and of the gradients of their sum. */
function bitsOf(f: (...inputs: Inputs) => tf.Tensor, inputs: Inputs): number[][] {
  return tf.tidy(() => {
    const all = [f(...inputs), ...tf.grads((...values: Inputs) => tf.sum(tf.square(f(...values))))(inputs)];
    return all.map((tensor) => Array.from(new Uint32Array((tensor.dataSync() as Float32Array).buffer)));
  });
}

/** Runs on one thread, then several times on two, and expects the same bits. */
async function expectSameBits(run: () => number[][]): Promise<void> {
  await startEngine({ backend: 'wasm', threads: 1 });
  const alone = run();
  await startEngine({ backend: 'wasm', threads: 2 });
  for (let i = 0; i < 3; i++) expect(run()).toEqual(alone);
}

test('two threads start, in a memory that they share, and nothing is said', () => {
  const { wasm } = tf.backend() as unknown as { wasm: { wasmMemory: { buffer: object } } };
  expect(wasm.wasmMemory.buffer).toBeInstanceOf(SharedArrayBuffer);
  expect(notes).toEqual([]);
});

test.each([
  [516, 70, 131],
  [70, 64, 523],
  [2, 512, 1031],
])('linear of %i rows, %i to %i, and its gradients have the same bits', async (rows, width, out) => {
  const inputs = [uniform([rows, width], 1), uniform([out, width], 2), uniform([out], 3)];
  await expectSameBits(() => bitsOf((x, w, b) => linear(x as tf.Tensor, w as tf.Tensor, b), inputs));
});
