// The tiles of attention for devices with much memory, which a software device does not choose by itself.
import { startEngine } from '../backend.ts';
import { expectAllClose, valuesOf } from '../testing/allClose.ts';
import { presentBackends } from '../testing/backends.ts';
import { randomValues } from '../testing/cases.ts';
import * as tf from '../tf.ts';
import { forward, keyGradient, queryGradient, tilesFor } from './attentionTiles.ts';
import { Dispatcher } from './dispatcher.ts';

const hasWebgpu = (await presentBackends()).includes('webgpu');

test('tiles go by the size of a head and the memory of a work group', () => {
  expect(tilesFor(64, 49_152)?.rows).toBe(64);
  expect(tilesFor(64, 16_384)?.rows).toBe(32);
  // A tile of 32 rows of 64 vectors and 32 x 32 weights: 16·(32·64 + 256) = 36,864 bytes.
  expect(tilesFor(256, 32_768)).toBeNull();
  expect(tilesFor(7, 49_152)).toBeNull();
});

(hasWebgpu ? test : test.skip)('large tiles give what small ones give', async () => {
  await startEngine({ backend: 'webgpu' });
  const dispatcher = new Dispatcher(tf.backend());
  const [batch, time, keys, heads, kvHeads, dim] = [2, 70, 73, 2, 1, 8];
  const made = (name: string, ...shape: number[]): tf.Tensor =>
    tf.tensor(randomValues(name, tf.util.sizeFromShape(shape)), shape);
  const queries = [batch, time, heads, dim] as const;
  const given = {
    ...{ query: made('query', ...queries), keyed: made('key', batch, keys, kvHeads, dim) },
    ...{ valued: made('value', batch, keys, kvHeads, dim), keyStart: tf.tensor1d([0, 33], 'int32') },
  };
  // Log-sums near those of scores of some ten keys, and any delta: both sizes must read them alike.
  const figures = tf.add(made('figures', batch * heads * time, 2), 3);
  const dy = made('dy', ...queries);
  const numbers = { time, keys, heads, kvHeads, scale: 0.35, window: 60, softcap: 0 };
  const results = [32, 64].map((rows) => {
    const out = (...shape: number[]): tf.Tensor => tf.zeros(shape);
    const [result, logSums, dQuery] = [out(...queries), out(batch, heads, time), out(...queries)];
    const [dKey, dValue] = [out(batch, keys, kvHeads, dim), out(batch, keys, kvHeads, dim)];
    const run = (program: ReturnType<typeof forward>, tensors: object, count: number, over: number): void =>
      dispatcher.run(program, tensors as Parameters<Dispatcher['run']>[1], numbers, [
        Math.ceil(count / rows),
        over,
        batch,
      ]);
    run(forward({ dim, rows }), { ...given, result, logSums }, time, heads);
    run(queryGradient({ dim, rows }), { ...given, figures, dy, dQuery }, time, heads);
    run(keyGradient({ dim, rows }), { ...given, figures, dy, dKey, dValue }, keys, kvHeads);
    return [result, logSums, dQuery, dKey, dValue];
  });
  const [small = [], large = []] = results;
  for (const [i, tensor] of small.entries()) {
    const values = await valuesOf(tensor);
    expect(Array.from(values.data).some((value) => value !== 0)).toBe(true);
    expectAllClose(await valuesOf(large[i] as tf.Tensor), values, { relative: 1e-5 });
  }
});
