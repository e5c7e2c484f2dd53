import { startEngine } from '../engine/backend.ts';
import { valueAndGradients } from '../engine/gradients.ts';
import * as tf from '../engine/tf.ts';
import { makeBatch } from './batch.ts';
import { newModel } from './model.ts';
import { TINY_CONFIG } from './testing/tinyModel.ts';
import { transformer } from './transformer.ts';

/** A step through three layers whose products are large enough for several threads. */
function evaluated(): number[][] {
  const config = { layers: 3, hidden: 96, heads: 6, kvHeads: 3, headDim: 16, rotaryDims: 16, intermediate: 200 };
  const model = newModel({ ...TINY_CONFIG, ...config }, 3);
  const sequences = Array.from({ length: 6 }, (_, row) => {
    const ids = Array.from({ length: 50 + 7 * row }, (_, i) => (11 * i + row) % 90);
    return { ids, isResponseToken: ids.map((_, i) => i > 9) };
  });
  const batch = makeBatch(sequences, model.config.maxPositions);
  const { value, gradients } = valueAndGradients(model.parameters, () => {
    const { hidden } = transformer(model, { ...batch, wanted: batch.predictAt });
    return tf.sum(tf.square(hidden)) as tf.Scalar;
  });
  const read = [value, ...gradients.values()].map((tensor) => Array.from(tensor.dataSync()));
  model.dispose();
  return read;
}

// The first step comes before anything has set up the threads' space: what it needs grows while operations are queued.
test('layers that threads work off as a queue have the bits of one thread, from the first step on', async () => {
  await startEngine({ backend: 'wasm', threads: 3 });
  const together = [evaluated(), evaluated()];
  await startEngine({ backend: 'wasm', threads: 1 });
  const alone = evaluated();
  expect(together[0]).toEqual(alone);
  expect(together[1]).toEqual(alone);
});
