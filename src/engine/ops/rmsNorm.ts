// Root-mean-square normalisation (Zhang and Sennrich 2019, equation 4): y = x / sqrt(mean(x²) + ε) · g.
import * as tf from '../tf.ts';
import { dimension, expectShape, hasKernel, runKernel } from './checks.ts';

/**
 * @param x [..., hidden]
 * @param weight [hidden], the gain g
 * @param epsilon added to the mean square
 * @returns [..., hidden]
 */
export function rmsNorm(x: tf.Tensor, weight: tf.Tensor, epsilon: number): tf.Tensor {
  expectShape('rmsNorm', `weight (for x of shape [${x.shape.join(', ')}])`, weight.shape, [dimension(x.shape, -1)]);
  if (hasKernel('FourfoldRmsNorm', x, weight)) {
    return tf.tidy(() => runKernel('FourfoldRmsNorm', { x, weight }, { epsilon }));
  }
  return rmsNormReference(x, weight, epsilon);
}

/** The same in plain tfjs operations. */
export function rmsNormReference(x: tf.Tensor, weight: tf.Tensor, epsilon: number): tf.Tensor {
  return tf.tidy(() => {
    const meanSquare = tf.mean(tf.square(x), -1, true);
    return tf.mul(tf.mul(x, tf.rsqrt(tf.add(meanSquare, epsilon))), weight);
  });
}
