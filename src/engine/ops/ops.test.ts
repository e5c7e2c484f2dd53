import { AdamW } from '../adamW.ts';
import { startEngine } from '../backend.ts';
import { clipFactor, globalNorm, valueAndGradients } from '../gradients.ts';
import { expectAllClose, type Values, valuesOf } from '../testing/allClose.ts';
import { variableOver } from '../testing/variableOver.ts';
import * as tf from '../tf.ts';
import { attention } from './attention.ts';
import { embedding } from './embedding.ts';
import { linear } from './linear.ts';
import { rmsNorm } from './rmsNorm.ts';
import { rotary, rotaryTables } from './rotary.ts';
import { swiglu } from './swiglu.ts';
import { tokenLogProbs } from './tokenLogProbs.ts';

test('a step through every operation gives the same loss, gradients and update on wasm as on cpu', async () => {
  const results: Record<string, Values[]> = {};
  for (const backend of ['cpu', 'wasm'] as const) {
    await startEngine({ backend });
    const before = tf.memory().numTensors;
    const variables = new Map([
      ['table', variableOver(tf.randomNormal([11, 8], 0, 1, 'float32', 1))],
      ['gain', variableOver(tf.ones([8]))],
      ['weight', variableOver(tf.randomNormal([8, 8], 0, 1, 'float32', 2))],
    ]);
    const get = (name: string): tf.Tensor => variables.get(name) as tf.Tensor;
    const ids = tf.tensor(
      [
        [1, 2, 3],
        [0, 0, 4],
      ],
      [2, 3],
      'int32',
    );
    const keyStart = tf.tensor1d([0, 1], 'int32');
    const tables = rotaryTables({ headDim: 4, maxPositions: 10, theta: 1e4 });
    const { value, gradients } = valueAndGradients(variables, () => {
      const x = rmsNorm(embedding(get('table'), ids), get('gain'), 1e-5);
      const q = rotary(tf.reshape(linear(x, get('weight')), [2, 3, 2, 4]), ids, tables);
      const y = tf.reshape(attention({ query: q, key: q, value: q, keyStart }), [6, 8]);
      const targets = tf.reshape(ids, [6]);
      const { logProbs } = tokenLogProbs({ hidden: swiglu(y, y), weight: get('table'), targets });
      return tf.sum(logProbs) as tf.Scalar;
    });
    const norm = globalNorm(gradients);
    const scale = clipFactor(norm, 1);
    const adam = new AdamW({ learningRate: 0.1 });
    adam.step(variables, gradients, { scale });
    results[backend] = await Promise.all([value, norm, scale, ...gradients.values()].map((t) => valuesOf(t)));
    adam.dispose();
    tf.dispose([
      value,
      norm,
      scale,
      ...gradients.values(),
      ...variables.values(),
      ids,
      keyStart,
      tables.cos,
      tables.sin,
    ]);
    expect(tf.memory().numTensors).toBe(before);
  }
  for (const [i, expected] of (results.cpu ?? []).entries()) {
    expectAllClose(results.wasm?.[i] as Values, expected, { relative: 1e-4 });
  }
});
