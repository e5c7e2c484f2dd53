// Dropout that can be drawn again: the mask is a function of seed and place alone.
import { FourfoldError } from '../../core/errors.ts';
import * as tf from '../tf.ts';

/**
 * 0 with probability `rate`, else 1 / (1 - rate), so that the mean of what it multiplies stays (Srivastava et al. 2014, in the
 * inverted form). Each place is hashed with the seed by MurmurHash3's finaliser (Appleby, public domain).
 * @returns float32 of the shape; no gradient flows to it
 */
export function dropoutMask(shape: number[], rate: number, seed: number): tf.Tensor {
  if (!(rate >= 0 && rate < 1))
    throw new FourfoldError('bad-input', `Expected a dropout rate from 0 to below 1, got ${rate}.`);
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
  const threshold = rate * 2 ** 32;
  const kept = 1 / (1 - rate);
  for (let i = 0; i < values.length; i++) {
    let hash = (seed ^ Math.imul(i + 1, 0x9e3779b1)) | 0;
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    if ((hash ^ (hash >>> 16)) >>> 0 >= threshold) values[i] = kept;
  }
  return tf.tensor(values, shape, 'float32');
}
