// What adapters and int8 weights save: one training step and its memory, whole, with an adapter, and with an adapter on int8
// weights. Run: node dist/bench/adapters.js MODEL_FOLDER [THREADS]; one JSON line a way.
import { performance } from 'node:perf_hooks';
import { startEngine } from '../src/engine/backend.ts';
import { valueAndGradients } from '../src/engine/gradients.ts';
import * as tf from '../src/engine/tf.ts';
import { makeBatch } from '../src/model/batch.ts';
import { logitsOf, responseLogProbs } from '../src/model/heads.ts';
import { loadTrainable } from '../src/model/lora/trainable.ts';
import { loadModel, type Model } from '../src/model/model.ts';
import { transformer } from '../src/model/transformer.ts';

const [ROWS, TOKENS, STEPS] = [8, 128, 5];
const [dir = '', threads = '2'] = process.argv.slice(2);
await startEngine({ backend: 'wasm', threads: Number(threads) });

const sequences = Array.from({ length: ROWS }, (_, row) => {
  const ids = Array.from({ length: TOKENS }, (_, i) => (row * 131 + i * 17) % 500);
  return { ids, isResponseToken: ids.map((_, at) => at > 0) };
});

/** One loss and all its gradients, median of STEPS, after one to warm up. */
function milliseconds(model: Model): number {
  const times = Array.from({ length: STEPS + 1 }, () => {
    const start = performance.now();
    const { value, gradients } = valueAndGradients(model.trained, () =>
      tf.tidy(() => {
        const batch = makeBatch(sequences, model.config.maxPositions);
        return tf.neg(tf.mean(responseLogProbs(model, batch).logProbs)) as tf.Scalar;
      }),
    );
    value.dataSync();
    tf.dispose([value, ...gradients.values()]);
    return performance.now() - start;
  });
  return times.slice(1).sort((a, b) => a - b)[Math.floor(STEPS / 2)] ?? Number.NaN;
}

const logits = (model: Model): Float32Array =>
  tf.tidy(() =>
    logitsOf(model, transformer(model, makeBatch(sequences, model.config.maxPositions)).hidden).dataSync(),
  ) as Float32Array;

const lora = { rank: 8, alpha: null, targets: null, dropout: 0, usesRslora: null };
const options = { head: 'causal-lm', seed: 0 } as const;
const ways: Array<[string, () => Promise<Model>]> = [
  ['whole', () => loadModel(dir, 'causal-lm')],
  ['adapter of rank 8', () => loadTrainable(dir, { ...options, lora })],
  ['adapter of rank 8 on int8', () => loadTrainable(dir, { ...options, lora, quantization: 'int8' })],
];
let exact: Float32Array | null = null;
for (const [way, open] of ways) {
  const before = tf.memory().numBytes;
  const model = await open();
  const modelBytes = tf.memory().numBytes - before;
  const trainedBytes = [...model.trained.values()].reduce((sum, { size }) => sum + 4 * size, 0);
  const values = logits(model);
  exact ??= values;
  let [squares, errors, largest] = [0, 0, 0];
  for (const [i, value] of values.entries()) {
    const error = value - (exact[i] ?? Number.NaN);
    squares += (exact[i] ?? 0) ** 2;
    errors += error ** 2;
    largest = Math.max(largest, Math.abs(error));
  }
  const result = {
    ...{ way, modelBytes, stepMs: Math.round(milliseconds(model)) },
    // Gradients and AdamW's two moments go with what is trained.
    ...{
      optimizerBytes: 3 * trainedBytes,
      logitsRelativeError: Math.sqrt(errors / squares),
      logitsLargestError: largest,
    },
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
  model.dispose();
}
process.exit(0);
