// On the wasm back end a row's result has the same bits whatever shares its batch, however much padding stands left of it,
// and whether it is computed in one go or one token at a time.
import { startEngine } from './backend.ts';
import { attention } from './ops/attention.ts';
import { gelu } from './ops/gelu.ts';
import { layerNorm } from './ops/layerNorm.ts';
import { linear } from './ops/linear.ts';
import { rmsNorm } from './ops/rmsNorm.ts';
import { logSoftmax, softmax } from './ops/softmax.ts';
import { tokenLogProbs } from './ops/tokenLogProbs.ts';
import { randomValues } from './testing/cases.ts';
import * as tf from './tf.ts';

const made = new Map<string, Float32Array>();

function random(name: string, shape: number[]): tf.Tensor {
  const key = `${name} [${shape}]`;
  const values = made.get(key) ?? randomValues(name, tf.util.sizeFromShape(shape));
  made.set(key, values);
  return tf.tensor(values, shape);
}

/** The bits of rows `from` .. `from + count - 1` of the first axis. */
function bits(x: tf.Tensor, from: number, count: number): Int32Array {
  const rows = tf.slice(x, from, count);
  return new Int32Array(Float32Array.from(rows.dataSync()).buffer);
}

beforeAll(async () => {
  await startEngine({ backend: 'wasm' });
  expect(tf.getKernel('FourfoldLinear', 'wasm')).toBeDefined();
});

test.each([
  ['linear', (x: tf.Tensor) => linear(x, random('weight', [35, 301]), random('bias', [35]))],
  ['linear beyond one block', (x: tf.Tensor) => linear(x, random('weight', [521, 301]))],
  ['matMul', (x: tf.Tensor) => tf.matMul(x, random('weight', [301, 35]))],
  ['rmsNorm', (x: tf.Tensor) => rmsNorm(x, random('gain', [301]), 1e-6)],
  ['layerNorm', (x: tf.Tensor) => layerNorm(x, { weight: random('gain', [301]), bias: random('b', [301]) }, 1e-6)],
  ['gelu', (x: tf.Tensor) => gelu(x, 'none')],
  ['gelu by tanh', (x: tf.Tensor) => gelu(x, 'tanh')],
  ['logSoftmax', (x: tf.Tensor) => logSoftmax(x)],
] as const)('%s: rows are the same alone, by two, three and five, and in thirty-three', (_name, f) => {
  const x = random('x', [33, 301]);
  const all = f(x);
  expect(bits(f(tf.slice(x, 4, 1)), 0, 1)).toEqual(bits(all, 4, 1));
  expect(bits(f(tf.slice(x, 7, 2)), 0, 2)).toEqual(bits(all, 7, 2));
  expect(bits(f(tf.slice(x, 30, 3)), 0, 3)).toEqual(bits(all, 30, 3));
  expect(bits(f(tf.slice(x, 2, 5)), 0, 5)).toEqual(bits(all, 2, 5));
});

test('tokenLogProbs: a position scores the same alone and among nine', () => {
  const [hidden, weight] = [random('hidden', [9, 65]), random('weight', [700, 65])];
  const targets = tf.tensor1d([0, 699, 5, 512, 511, 8, 77, 3, 2], 'int32');
  const all = tokenLogProbs({ hidden, weight, targets });
  const one = tokenLogProbs({ hidden: tf.slice(hidden, 3, 1), weight, targets: tf.slice(targets, 3, 1) });
  expect(bits(one.logProbs, 0, 1)).toEqual(bits(all.logProbs, 3, 1));
  expect(bits(one.entropy, 0, 1)).toEqual(bits(all.entropy, 3, 1));
});

describe.each([
  ['attention', {}],
  ['attention with a window', { window: 6 }],
  ['attention with capped scores', { softcap: 3, window: 40 }],
])('%s', (_name, bounds) => {
  const [heads, kvHeads, headDim, time] = [4, 2, 9, 71];
  const inputs = () => ({
    query: random('query', [1, time, heads, headDim]),
    key: random('key', [1, time, kvHeads, headDim]),
    value: random('value', [1, time, kvHeads, headDim]),
  });
  const starts = (...values: number[]): tf.Tensor => tf.tensor1d(values, 'int32');

  test.each([1, 5, 64, 67])('%i keys of padding on the left change no bit', (padding) => {
    const plain = inputs();
    const alone = attention({ ...plain, keyStart: starts(0), ...bounds });
    // The padding holds large values, which must not be looked at; a second row shares the batch.
    const padded = Object.fromEntries(
      Object.entries(plain).map(([name, x]) => {
        const junk = tf.mul(tf.ones([1, padding, ...x.shape.slice(2)]), 1e30);
        const row = tf.concat([junk, x], 1);
        return [name, tf.concat([random(`other ${name}`, row.shape), row], 0)];
      }),
    ) as unknown as ReturnType<typeof inputs>;
    const both = attention({ ...padded, keyStart: starts(3, padding), ...bounds });
    const row = tf.slice(both, [1, padding], [1, time]);
    expect(bits(row, 0, 1)).toEqual(bits(alone, 0, 1));
    const before = tf.slice(both, [1, 0], [1, padding]).dataSync();
    expect(Array.from(before).every((value) => value === 0)).toBe(true);
  });

  test('the last token against a cache equals the last token of the whole', () => {
    const { query, key, value } = inputs();
    const whole = attention({ query, key, value, keyStart: starts(2), ...bounds });
    const last = attention({
      query: tf.slice(query, [0, time - 1], [1, 1]),
      key,
      value,
      keyStart: starts(2),
      ...bounds,
    });
    expect(bits(last, 0, 1)).toEqual(bits(tf.slice(whole, [0, time - 1], [1, 1]), 0, 1));
  });
});

test('the same computation twice gives the same bits', () => {
  const x = random('x', [37, 301]);
  const run = (): tf.Tensor =>
    tf.grads((...given: tf.Tensor[]) => tf.sum(logSoftmax(linear(...(given as [tf.Tensor, tf.Tensor])))))([
      x,
      random('weight', [35, 301]),
    ])[1] as tf.Tensor;
  expect(bits(run(), 0, 35)).toEqual(bits(run(), 0, 35));
});

test('not-a-number is not hidden, and a logit of minus infinity has probability 0', () => {
  const weight = random('weight', [9, 5]);
  const hidden = tf.tensor2d([[Number.NaN, 1, 1, 1, 1]]);
  const { logProbs, entropy } = tokenLogProbs({ hidden, weight, targets: tf.tensor1d([0], 'int32') });
  expect([logProbs.dataSync()[0], entropy.dataSync()[0]]).toEqual([Number.NaN, Number.NaN]);
  expect(linear(hidden, weight).dataSync()[8]).toBeNaN();
  expect(logSoftmax(tf.tensor1d([0, Number.NaN, 0, 0, 0])).dataSync()[0]).toBeNaN();
  expect(Array.from(softmax(tf.tensor1d([0, Number.NEGATIVE_INFINITY, 0, 0, 0])).dataSync())).toEqual([
    0.25, 0, 0.25, 0.25, 0.25,
  ]);
});

test('ids outside the table are refused, not read from foreign memory', async () => {
  const { embedding } = await import('./ops/embedding.ts');
  expect(() => embedding(random('table', [5, 3]), tf.tensor1d([0, 5], 'int32'))).toThrow('0 .. 4');
});
