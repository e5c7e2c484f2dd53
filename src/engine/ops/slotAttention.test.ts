import { startEngine } from '../backend.ts';
import { expectAllClose, type Values, valuesOf } from '../testing/allClose.ts';
import { presentBackends } from '../testing/backends.ts';
import { randomValues } from '../testing/cases.ts';
import * as tf from '../tf.ts';
import { attention } from './attention.ts';
import { scatterRows, slotAttention, slotAttentionReference } from './slotAttention.ts';

const backends = await presentBackends();
const random = (name: string, shape: number[]): tf.Tensor =>
  tf.tensor(randomValues(name, tf.util.sizeFromShape(shape)), shape);
const integers = (values: number[]): tf.Tensor1D => tf.tensor1d(values, 'int32');

interface Size {
  slots: number;
  capacity: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  bounds?: { window?: number; softcap?: number };
}
const SIZES: Size[] = [
  { slots: 1, capacity: 1, heads: 1, kvHeads: 1, headDim: 1 },
  { slots: 3, capacity: 7, heads: 4, kvHeads: 2, headDim: 9 },
  { slots: 4, capacity: 9, heads: 6, kvHeads: 6, headDim: 8 },
  { slots: 4, capacity: 9, heads: 2, kvHeads: 1, headDim: 6, bounds: { window: 4 } },
  { slots: 3, capacity: 70, heads: 2, kvHeads: 2, headDim: 6, bounds: { window: 65, softcap: 0.7 } },
  { slots: 2, capacity: 4097, heads: 3, kvHeads: 1, headDim: 7 },
];

const inputsOf = ({ slots, capacity, heads, kvHeads, headDim, bounds = {} }: Size) => ({
  ...bounds,
  query: random('query', [slots, heads, headDim]),
  key: random('key', [slots, kvHeads, capacity, headDim]),
  value: random('value', [slots, kvHeads, capacity, headDim]),
  // In reverse, and of different lengths.
  slots: integers(Array.from({ length: slots }, (_, i) => slots - 1 - i)),
  lengths: integers(Array.from({ length: slots }, (_, i) => Math.max(1, capacity - 3 * i))),
});

describe.each(backends)('on %s', (backend) => {
  test.each(SIZES)('slotAttention agrees with plain operations on cpu: %j', async (size) => {
    await startEngine({ backend: 'cpu' });
    const expected = await valuesOf(tf.tidy(() => slotAttentionReference(inputsOf(size))));
    await startEngine({ backend });
    const before = tf.memory().numTensors;
    const actual = tf.tidy(() => slotAttention(inputsOf(size)));
    expectAllClose(await valuesOf(actual), expected, { relative: 1e-5 });
    actual.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test('scatterRows puts rows where they belong and leaves the others', async () => {
    await startEngine({ backend });
    for (const width of [1, 7, 8, 9, 4097]) {
      const [table, rows] = [random('table', [5, width]), random('rows', [2, width])];
      const expected = Float32Array.from(table.dataSync());
      expected.set(rows.dataSync(), 0);
      expected.copyWithin(3 * width, 0, width);
      expected.set((rows.dataSync() as Float32Array).subarray(width), width);
      expected.set((random('table', [5, width]).dataSync() as Float32Array).subarray(0, width), 0);
      const written = scatterRows(table as tf.Tensor2D, integers([3, 1]), rows as tf.Tensor2D);
      table.dispose();
      expect((await valuesOf(written)) as Values).toMatchObject({ shape: [5, width] });
      expect(Array.from(written.dataSync())).toEqual(Array.from(expected));
    }
  });
});

test.each([{}, { window: 7 }, { softcap: 0.9 }])(
  'on wasm a row has the same bits as the last query of attention over the same keys, bounds %j',
  async (bounds) => {
    await startEngine({ backend: 'wasm' });
    for (const length of [1, 7, 8, 9, 65]) {
      const { query, key, value } = inputsOf({ slots: 1, capacity: 70, heads: 6, kvHeads: 2, headDim: 12 });
      const [slots, lengths] = [integers([0]), integers([length])];
      const row = slotAttention({ query, key, value, slots, lengths, ...bounds });
      const sequence = (tensor: tf.Tensor) =>
        tf.slice(tf.transpose(tensor, [0, 2, 1, 3]), [0, 0, 0, 0], [1, length, 2, 12]);
      const whole = attention({
        ...{ query: tf.reshape(query, [1, 1, 6, 12]), keyStart: integers([0]), ...bounds },
        ...{ key: sequence(key), value: sequence(value) },
      });
      expect(Array.from(row.dataSync())).toEqual(Array.from(whole.dataSync()));
    }
  },
);

test('ids and lengths outside the cache are refused', async () => {
  await startEngine({ backend: 'wasm' });
  const inputs = inputsOf({ slots: 2, capacity: 5, heads: 2, kvHeads: 1, headDim: 4 });
  const bad = expect.objectContaining({ code: 'bad-input' });
  expect(() => slotAttention({ ...inputs, slots: integers([0, 2]) })).toThrow(bad);
  expect(() => slotAttention({ ...inputs, lengths: integers([0, 1]) })).toThrow(bad);
  expect(() => slotAttention({ ...inputs, lengths: integers([1, 6]) })).toThrow(bad);
  const [table, rows] = [random('table', [3, 2]), random('rows', [1, 2])];
  expect(() => scatterRows(table as tf.Tensor2D, integers([3]), rows as tf.Tensor2D)).toThrow(bad);
});
