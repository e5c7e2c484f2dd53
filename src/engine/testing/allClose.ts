// Comparison of tensors in tests: rejects NaN and differing shapes, and names the worst element.
import type * as tf from '../tf.ts';

export interface Tolerance {
  /** Relative to the larger of |expected| at the element and the root mean square of all expected values. */
  relative: number;
  /** Allowed everywhere, for values that are 0 but for rounding; 0 where absent. */
  absolute?: number;
}

/** Values with their shape, off the back end. */
export interface Values {
  shape: number[];
  data: ArrayLike<number>;
}

/** Reads a tensor back. */
export async function valuesOf(tensor: tf.Tensor): Promise<Values> {
  return { shape: tensor.shape, data: await tensor.data() };
}

/** Throws, with shape, index and both values, unless `actual` is finite and close to `expected` everywhere. */
export function expectAllClose(actual: Values, expected: Values, { relative, absolute = 0 }: Tolerance): void {
  if (actual.shape.join() !== expected.shape.join() || actual.data.length !== expected.data.length) {
    throw new Error(
      `Expected shape [${expected.shape}] (${expected.data.length} values); got [${actual.shape}] (${actual.data.length} values).`,
    );
  }
  const n = expected.data.length;
  let square = 0;
  for (let i = 0; i < n; i++) square += Number(expected.data[i]) ** 2;
  const typical = Math.sqrt(square / Math.max(n, 1));
  for (let i = 0; i < n; i++) {
    const [got, wanted] = [Number(actual.data[i]), Number(expected.data[i])];
    const limit = absolute + relative * Math.max(Math.abs(wanted), typical);
    if (!(Math.abs(got - wanted) <= limit)) {
      throw new Error(`Expected ${wanted} (within ${limit}) at index ${i} of [${expected.shape}]; got ${got}.`);
    }
  }
}
