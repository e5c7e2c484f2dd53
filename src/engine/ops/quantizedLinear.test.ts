import { startEngine } from '../backend.ts';
import { presentBackends } from '../testing/backends.ts';
import { randomValues } from '../testing/cases.ts';
import * as tf from '../tf.ts';
import { linear } from './linear.ts';
import {
  dequantize,
  disposeQuantized,
  quantize,
  quantizedLinear,
  quantizedLinearReference,
} from './quantizedLinear.ts';

const backends = await presentBackends();
const largest = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? Number.NaN))), 0);

describe.each(backends)('%s', (backend) => {
  beforeAll(async () => {
    await startEngine({ backend });
  });

  test('a row is rounded to 127 steps of its largest value, either sign, and comes back', async () => {
    // Row 0: the largest is 127, so the scale is 1 and 2.5 becomes 3, -2.5 becomes -2 (Math.round). Row 1 is zero. Row 2: 254 / 127 = 2.
    const rows = [
      [127, 2.5, -2.5, -127, 0],
      [0, 0, 0, 0, 0],
      [-254, 3.2, 100, 1, -1],
    ];
    const matrix = quantize(Float32Array.from(rows.flat()), [3, 5]);
    expect(matrix.packed.shape).toEqual([3, 2]);
    const values = dequantize(matrix);
    expect(Array.from(await values.data())).toEqual(
      [127, 3, -2, -127, 0, 0, 0, 0, 0, 0, -254, 4, 100, 2, -0].map((x) => x + 0),
    );
    values.dispose();
    disposeQuantized(matrix);
  });

  test('every pair of neighbouring bytes is unpacked exactly', async () => {
    // 255 x 255 values of two neighbours, in both halves of a word; the first of a row makes its scale 1.
    const values: number[] = [];
    for (let a = -127; a <= 127; a++)
      values.push(127, 0, 0, 0, ...Array.from({ length: 255 }, (_, b) => [a, b - 127, b - 127, a]).flat());
    const matrix = quantize(Float32Array.from(values), [255, 4 + 255 * 4]);
    const back = dequantize(matrix);
    expect(largest(await back.data(), values)).toBe(0);
    back.dispose();
    disposeQuantized(matrix);
  });

  test.each([
    [1, 1, 1],
    [2, 7, 9],
    [3, 8, 8],
    [5, 33, 17],
    [64, 257, 130],
    [9, 4097, 3],
  ])(
    '%i rows of %i to %i: the product with the rounded matrix, and the gradient of x alone',
    async (rows, width, out) => {
      const before = tf.memory().numTensors;
      const name = `${rows} ${width} ${out}`;
      const matrix = quantize(randomValues(`w ${name}`, out * width), [out, width]);
      const x = tf.tensor(randomValues(`x ${name}`, rows * width), [rows, width]);
      const bias = tf.tensor(randomValues(`b ${name}`, out), [out]);
      const plain = dequantize(matrix);
      const values = (of: (x: tf.Tensor) => tf.Tensor) => {
        const { value, grad } = tf.valueAndGrad((input: tf.Tensor) => tf.sum(tf.square(of(input))))(x);
        return [of(x), grad, value] as const;
      };
      const [y, dx, sum] = values((input) => quantizedLinear(input, matrix, bias));
      const [expectedY, expectedDx, expectedSum] = values((input) => linear(input, plain, bias));
      const [referenceY, referenceDx, referenceSum] = values((input) => quantizedLinearReference(input, matrix, bias));
      const scale = (tensor: ArrayLike<number>) => Math.max(...Array.from(tensor, Math.abs));
      for (const [actual, expected, reference] of [
        [y, expectedY, referenceY],
        [dx, expectedDx, referenceDx],
      ] as const) {
        const wanted = await expected.data();
        expect(actual.shape).toEqual(expected.shape);
        expect(largest(await actual.data(), wanted)).toBeLessThan(1e-5 * scale(wanted));
        expect(largest(await reference.data(), wanted)).toBeLessThan(1e-5 * scale(wanted));
      }
      tf.dispose([
        x,
        bias,
        plain,
        y,
        dx,
        sum,
        expectedY,
        expectedDx,
        expectedSum,
        referenceY,
        referenceDx,
        referenceSum,
      ]);
      disposeQuantized(matrix);
      expect(tf.memory().numTensors).toBe(before);
    },
  );

  test('a weight that is no number is refused', () => {
    expect(() => quantize(Float32Array.of(1, Number.NaN), [1, 2])).toThrow('finite');
    expect(() => quantize(Float32Array.of(1, Number.POSITIVE_INFINITY), [1, 2])).toThrow('finite');
  });
});
