// Products on webgpu beyond what the cases of all back ends reach: large tiles, and sums that are cut into parts.
import { startEngine } from '../backend.ts';
import { linear } from '../ops/linear.ts';
import { expectAllClose, type Values, valuesOf } from '../testing/allClose.ts';
import { presentBackends } from '../testing/backends.ts';
import { randomValues } from '../testing/cases.ts';
import * as tf from '../tf.ts';
import { Dispatcher } from './dispatcher.ts';
import { gemmProgram } from './gemm.ts';
import { LARGE, SMALL } from './products.ts';

const hasWebgpu = (await presentBackends()).includes('webgpu');
/** Σ_k a[r, k]·b[k, c] in double precision; each operand by a function of its indices. */
function expected(
  [m, n, k]: [number, number, number],
  a: (r: number, k: number) => number,
  b: (k: number, c: number) => number,
): Values {
  const data = new Float32Array(m * n);
  for (let r = 0; r < m; r++) {
    for (let c = 0; c < n; c++) {
      let sum = 0;
      for (let step = 0; step < k; step++) sum += a(r, step) * b(step, c);
      data[r * n + c] = sum;
    }
  }
  return { shape: [m, n], data };
}

(hasWebgpu ? describe : describe.skip)('on webgpu', () => {
  beforeAll(() => startEngine({ backend: 'webgpu' }).then(() => undefined));

  // Two tiles and a part of a third each way, and k no whole number of steps.
  test.each([
    ['a large tile', LARGE, true, true],
    ['a large tile', LARGE, true, false],
    ['a small tile', SMALL, false, false],
  ] as const)(
    '%s %j, along k %s and %s: the product, with the values beside it untouched',
    async (_name, tile, aAlongK, bAlongK) => {
      const [m, n, k] = [tile.m + 4, tile.n + 8, 20];
      const [a, b] = [randomValues('a', m * k), randomValues('b', k * n)];
      const dispatcher = new Dispatcher(tf.backend());
      const pitch = n + 4;
      const out = tf.fill([m, pitch], 7);
      dispatcher.run(
        gemmProgram({ tile, aAlongK, bAlongK, hasBias: false }),
        { a: tf.tensor1d(a), b: tf.tensor1d(b), out } as unknown as Parameters<Dispatcher['run']>[1],
        {
          ...{ m, n, k, kPart: k, aAt: 0, aPitch: aAlongK ? k : m, bAt: 0, bPitch: bAlongK ? k : n },
          ...{ outAt: 0, outPitch: pitch, accumulate: 0 },
        },
        [Math.ceil(n / tile.n), Math.ceil(m / tile.m)],
      );
      const wanted = expected(
        [m, n, k],
        (r, step) => a[aAlongK ? r * k + step : step * m + r] ?? Number.NaN,
        (step, c) => b[bAlongK ? c * k + step : step * n + c] ?? Number.NaN,
      );
      const whole = await valuesOf(out);
      const rows = Array.from({ length: m }, (_, r) => Array.from(whole.data).slice(r * pitch, (r + 1) * pitch));
      expectAllClose({ shape: [m, n], data: rows.flatMap((row) => row.slice(0, n)) }, wanted, { relative: 1e-5 });
      expect(rows.flatMap((row) => row.slice(n)).every((value) => value === 7)).toBe(true);
    },
  );

  test('the gradient of a weight over many rows is cut into parts that add up', async () => {
    // 1028 rows are two parts of 512 and some.
    const [rows, width, out] = [1028, 96, 100];
    const [x, dy] = [randomValues('x', rows * width), randomValues('dy', rows * out)];
    const weight = tf.zeros([out, width]);
    const gradient = tf.grads((w: tf.Tensor) => linear(tf.tensor(x, [rows, width]), w))(
      [weight],
      tf.tensor(dy, [rows, out]),
    )[0] as tf.Tensor;
    const wanted = expected(
      [out, width, rows],
      (r, step) => dy[step * out + r] ?? Number.NaN,
      (step, c) => x[step * width + c] ?? Number.NaN,
    );
    expectAllClose(await valuesOf(gradient), wanted, { relative: 1e-5 });
  });
});
