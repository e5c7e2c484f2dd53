// Values and gradients against PyTorch's (data/goldens/make_engine_goldens.py made the file).
import { readFileSync } from 'node:fs';
import { packagePath } from '../../core/packageRoot.ts';
import { startEngine } from '../backend.ts';
import { expectAllClose, type Values, valuesOf } from '../testing/allClose.ts';
import { presentBackends } from '../testing/backends.ts';
import * as tf from '../tf.ts';
import { attention } from './attention.ts';
import { embedding } from './embedding.ts';
import { linear } from './linear.ts';
import { LLAMA_LAYER_WEIGHTS, type LlamaLayerWeights, llamaLayer } from './llamaLayer.ts';
import { rmsNorm } from './rmsNorm.ts';
import { rotary, rotaryTables } from './rotary.ts';
import { swiglu } from './swiglu.ts';
import { tokenLogProbs } from './tokenLogProbs.ts';

interface Golden {
  inputs: Values[];
  slope: Values;
  output: Values;
  gradients: Values[];
  positions: number[][];
  keyStart: number[];
  ids: number[][];
  wanted: number[];
  targets: number[];
  entropy: Values;
  temperature: number;
}

const goldens: Record<string, Golden> = JSON.parse(readFileSync(packagePath('data', 'goldens', 'engine.json'), 'utf8'));
const golden = (name: string): Golden => {
  const found = goldens[name];
  if (found === undefined) throw new Error(`data/goldens/engine.json has no ${name}.`);
  return found;
};
const tensorOf = ({ shape, data }: Values): tf.Tensor => tf.tensor(Float32Array.from(data), shape);
const integers = (values: number[] | number[][]): tf.Tensor => tf.tensor(values, undefined, 'int32');

type Operation = (inputs: tf.Tensor[], golden: Golden) => tf.Tensor;
type Two = [tf.Tensor, tf.Tensor];
type Three = [tf.Tensor, tf.Tensor, tf.Tensor];

const attend: Operation = ([query, key, value], { keyStart }) => {
  const [q, k, v] = [query, key, value] as Three;
  return attention({ query: q, key: k, value: v, keyStart: integers(keyStart) });
};

const OPERATIONS: Record<string, Operation> = {
  linear: (inputs) => linear(...(inputs as Three)),
  rmsNorm: (inputs) => rmsNorm(...(inputs as Two), 1e-5),
  swiglu: (inputs) => swiglu(...(inputs as Two)),
  rotary: ([x], { positions }) =>
    rotary(x as tf.Tensor, integers(positions), rotaryTables({ headDim: 6, maxPositions: 10, theta: 1e4 })),
  attention: attend,
  attentionPadded: attend,
  embedding: ([table], { ids }) => embedding(table as tf.Tensor, integers(ids)),
  llamaLayer: ([hidden, ...weights], { positions, keyStart, wanted }) =>
    llamaLayer({
      hidden: hidden as tf.Tensor3D,
      weights: Object.fromEntries(
        LLAMA_LAYER_WEIGHTS.map((name, i) => [name, weights[i]]),
      ) as unknown as LlamaLayerWeights,
      ...{ positions: integers(positions), keyStart: integers(keyStart), wanted: integers(wanted) as tf.Tensor1D },
      rotary: rotaryTables({ headDim: 6, maxPositions: 10, theta: 1e4 }),
      ...{ heads: 4, kvHeads: 2, epsilon: 1e-5, scale: 1 / Math.sqrt(6), window: null },
    }),
  tokenLogProbs: (inputs, { targets, temperature }) => {
    const [hidden, weight] = inputs as Two;
    return tokenLogProbs({ hidden, weight, targets: integers(targets), temperature }).logProbs;
  },
};

const backends = await presentBackends();

describe.each(backends)('on %s', (backend) => {
  test.each(Object.keys(OPERATIONS))('%s is PyTorch’s, in value and gradient', async (name) => {
    await startEngine({ backend });
    const expected = golden(name);
    const run = (...inputs: tf.Tensor[]): tf.Tensor => (OPERATIONS[name] as Operation)(inputs, expected);
    const inputs = expected.inputs.map(tensorOf);
    const output = await valuesOf(tf.tidy(() => run(...inputs)));
    expectAllClose(output, expected.output, { relative: 1e-5 });
    const gradients = tf.tidy(() => tf.grads(run)(inputs, tensorOf(expected.slope)));
    for (const [i, gradient] of expected.gradients.entries()) {
      expectAllClose(await valuesOf(gradients[i] as tf.Tensor), gradient, { relative: 1e-5 });
    }
  });

  test('the entropy is PyTorch’s, and carries no gradient', async () => {
    await startEngine({ backend });
    const { inputs, targets, temperature, entropy } = golden('tokenLogProbs');
    const [hidden, weight] = inputs.map(tensorOf) as Two;
    const score = (h: tf.Tensor) => tokenLogProbs({ hidden: h, weight, targets: integers(targets), temperature });
    expectAllClose(await valuesOf(score(hidden).entropy), entropy, { relative: 1e-5 });
    const gradient = tf.grad((h) => tf.sum(score(h).entropy))(hidden);
    expect(Array.from(await gradient.data()).every((value) => value === 0)).toBe(true);
  });
});
