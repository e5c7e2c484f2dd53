// Rotary position embedding (Su et al. 2021, equation 34) in the rotate-half order of published Llama weights:
// the pair of dimension i is (i, i + headDim/2), turned by position · theta^(-2i/headDim).
import * as tf from '../tf.ts';
import { badShape, dimension, expectInt32, expectShape, hasKernel, runKernel } from './checks.ts';

export interface RotaryTables {
  /** [maxPositions, headDim/2] */
  cos: tf.Tensor;
  /** [maxPositions, headDim/2] */
  sin: tf.Tensor;
}

/** The angle that each pair of dimensions turns from one position to the next: θ^(-2i/d), in radians. */
export function rotaryFrequencies(theta: number, dims: number): number[] {
  if (dims % 2 !== 0) throw badShape('rotaryFrequencies', 'an even number of dimensions', String(dims));
  return Array.from({ length: dims / 2 }, (_, i) => theta ** ((-2 * i) / dims));
}

/** Tables of the plain frequencies; the caller owns and disposes them. */
export function rotaryTables(shape: { headDim: number; maxPositions: number; theta: number }): RotaryTables {
  return rotaryTablesOf(rotaryFrequencies(shape.theta, shape.headDim), shape.maxPositions);
}

/** Tables of the given frequencies, cosine and sine multiplied by `scale`; the caller owns and disposes them. */
export function rotaryTablesOf(frequencies: ReadonlyArray<number>, maxPositions: number, scale = 1): RotaryTables {
  const half = frequencies.length;
  const cos = new Float32Array(maxPositions * half);
  const sin = new Float32Array(maxPositions * half);
  for (let position = 0; position < maxPositions; position++) {
    for (let i = 0; i < half; i++) {
      const angle = position * (frequencies[i] ?? 0);
      cos[position * half + i] = scale * Math.cos(angle);
      sin[position * half + i] = scale * Math.sin(angle);
    }
  }
  return { cos: tf.tensor(cos, [maxPositions, half]), sin: tf.tensor(sin, [maxPositions, half]) };
}

/**
 * @param x [batch, time, heads, headDim]
 * @param positions int32 [batch, time], each in 0 .. maxPositions - 1
 * @param tables cos and sin, each [maxPositions, dims/2]; constants: no gradient flows to them. Where dims is less than
 *   headDim, the dimensions from dims on pass through as they are.
 * @returns [batch, time, heads, headDim]
 */
export function rotary(x: tf.Tensor, positions: tf.Tensor, tables: RotaryTables): tf.Tensor {
  expectShape('rotary', 'x', x.shape, [null, null, null, null]);
  const [batch, time, , headDim] = x.shape as [number, number, number, number];
  const dims = 2 * dimension(tables.cos.shape, 1);
  if (dims < headDim) return tf.tidy(() => turnLeading(rotary, x, positions, tables));
  expectShape('rotary', `positions (for x of shape [${x.shape.join(', ')}])`, positions.shape, [batch, time]);
  expectShape('rotary', `cos (for x of shape [${x.shape.join(', ')}])`, tables.cos.shape, [null, headDim / 2]);
  expectShape('rotary', 'sin', tables.sin.shape, tables.cos.shape);
  expectInt32('rotary', 'positions', positions);
  if (hasKernel('FourfoldRotary', x)) return runKernel('FourfoldRotary', { x, positions, ...tables }, { sign: 1 });
  return rotaryReference(x, positions, tables);
}

/** Turns the leading dimensions that the tables cover; the others pass. */
function turnLeading(turn: typeof rotary, x: tf.Tensor, positions: tf.Tensor, tables: RotaryTables): tf.Tensor {
  const [batch, time, heads, headDim] = x.shape as [number, number, number, number];
  const dims = 2 * dimension(tables.cos.shape, 1);
  const leading = turn(tf.slice(x, [0, 0, 0, 0], [batch, time, heads, dims]), positions, tables);
  return tf.concat([leading, tf.slice(x, [0, 0, 0, dims], [batch, time, heads, headDim - dims])], 3);
}

/** The same in plain tfjs operations. */
export function rotaryReference(x: tf.Tensor, positions: tf.Tensor, tables: RotaryTables): tf.Tensor {
  const [batch, time, heads, headDim] = x.shape as [number, number, number, number];
  const { cos, sin } = tables;
  const half = dimension(cos.shape, 1);
  if (2 * half < headDim) return tf.tidy(() => turnLeading(rotaryReference, x, positions, tables));
  return tf.tidy(() => {
    const flat = tf.reshape(positions, [-1]);
    const rowCos = tf.reshape(tf.gather(cos, flat), [batch, time, 1, half]);
    const rowSin = tf.reshape(tf.gather(sin, flat), [batch, time, 1, half]);
    const first = tf.slice(x, [0, 0, 0, 0], [batch, time, heads, half]);
    const second = tf.slice(x, [0, 0, 0, half], [batch, time, heads, half]);
    return tf.concat(
      [tf.sub(tf.mul(first, rowCos), tf.mul(second, rowSin)), tf.add(tf.mul(second, rowCos), tf.mul(first, rowSin))],
      3,
    );
  });
}
