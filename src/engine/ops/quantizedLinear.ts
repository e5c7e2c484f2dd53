// The linear layer on int8 weights: y = x·Wᵀ + b with W = scale ∘ Q, one scale an output channel, symmetric about zero.
// Q = round(127·W / max|W|), row by row: absmax quantisation as in Dettmers et al. (2022, LLM.int8(), equation 3), for each row
// as Jacob et al. (2018, equation 1) with zero point 0. Gradients flow to x alone: such a weight is frozen.
import { FourfoldError } from '../../core/errors.ts';
import * as tf from '../tf.ts';
import { badShape, dimension, expectShape, hasKernel, runKernel } from './checks.ts';
import { linearReference } from './linear.ts';

const LARGEST = 127;
const PER_WORD = 4;

/** A quantised matrix [out, in]. */
export interface QuantizedMatrix {
  /** int32 [out, ceil(in / 4)]: four int8 values a word, the first in the lowest byte, zeros behind the last. */
  readonly packed: tf.Tensor;
  /** float32 [out] */
  readonly scales: tf.Tensor;
  /** The in of [out, in]. */
  readonly width: number;
}

/** @param values [out, in], row by row @throws bad-input where a value is not finite */
export function quantize(values: Float32Array, [out, width]: [number, number]): QuantizedMatrix {
  const words = Math.ceil(width / PER_WORD);
  const bytes = new Int8Array(out * words * PER_WORD);
  const scales = new Float32Array(out);
  for (let row = 0; row < out; row++) {
    const start = row * width;
    let largest = 0;
    for (let i = 0; i < width; i++) largest = Math.max(largest, Math.abs(values[start + i] as number));
    if (!Number.isFinite(largest))
      throw new FourfoldError('bad-input', `Expected finite weights to quantise, got ${largest} in row ${row}.`);
    const scale = Math.fround(largest / LARGEST);
    scales[row] = scale;
    if (scale === 0) continue;
    for (let i = 0; i < width; i++)
      bytes[row * words * PER_WORD + i] = Math.max(
        -LARGEST,
        Math.min(LARGEST, Math.round((values[start + i] as number) / scale)),
      );
  }
  const packed = tf.tensor(new Int32Array(bytes.buffer), [out, words], 'int32');
  return { packed, scales: tf.tensor(scales, [out], 'float32'), width };
}

export const disposeQuantized = ({ packed, scales }: QuantizedMatrix): void => tf.dispose([packed, scales]);

/** floor(x / divisor), exact though the back end divides in float32. @param x int32 */
function floorOf(x: tf.Tensor, divisor: number): tf.Tensor {
  const d = tf.scalar(divisor, 'int32');
  const guess = tf.floorDiv(x, d);
  const rest = tf.sub(x, tf.mul(guess, d));
  const below = tf.cast(tf.less(rest, tf.scalar(0, 'int32')), 'int32');
  const above = tf.cast(tf.greaterEqual(rest, d), 'int32');
  return tf.add(tf.sub(guess, below), above);
}

/** The matrix as float32 [out, in]. */
export function dequantize({ packed, scales, width }: QuantizedMatrix): tf.Tensor {
  // A GPU's own division of integers is none to build on.
  if (hasKernel('FourfoldDequantize', scales)) return runKernel('FourfoldDequantize', { packed, scales }, { width });
  return tf.tidy(() => {
    const [out, words] = [dimension(packed.shape, 0), dimension(packed.shape, 1)];
    const upper = floorOf(packed, 2 ** 16);
    const lower = tf.sub(packed, tf.mul(upper, tf.scalar(2 ** 16, 'int32')));
    const bytes = [lower, upper].flatMap((half) => {
      const high = floorOf(half, 256);
      return [tf.sub(half, tf.mul(high, tf.scalar(256, 'int32'))), high];
    });
    const signed = bytes.map((byte) => {
      const value = tf.cast(byte, 'float32');
      return tf.sub(value, tf.mul(tf.cast(tf.greaterEqual(value, 128), 'float32'), 256));
    });
    const values = tf.slice(tf.reshape(tf.stack(signed, 2), [out, words * PER_WORD]), [0, 0], [out, width]);
    return tf.mul(values, tf.reshape(scales, [out, 1]));
  });
}

/**
 * @param x [..., in]
 * @param bias [out]
 * @returns [..., out]
 */
export function quantizedLinear(x: tf.Tensor, weight: QuantizedMatrix, bias?: tf.Tensor): tf.Tensor {
  const { packed, scales, width } = weight;
  if (dimension(x.shape, -1) !== width)
    throw badShape('quantizedLinear', `x [..., ${width}]`, `[${x.shape.join(', ')}]`);
  if (bias !== undefined) expectShape('quantizedLinear', 'bias', bias.shape, [dimension(packed.shape, 0)]);
  if (!hasKernel('FourfoldQuantizedLinear', x, scales)) return quantizedLinearReference(x, weight, bias);
  const inputs: Record<string, tf.Tensor> = { x, packed, scales, ...(bias === undefined ? {} : { bias }) };
  return runKernel('FourfoldQuantizedLinear', inputs, { width });
}

/** The same in plain tfjs operations; holds the matrix as float32 meanwhile. */
export function quantizedLinearReference(x: tf.Tensor, weight: QuantizedMatrix, bias?: tf.Tensor): tf.Tensor {
  return tf.tidy(() => linearReference(x, dequantize(weight), bias));
}
