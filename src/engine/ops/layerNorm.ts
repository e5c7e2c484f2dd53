// Layer normalisation (Ba et al. 2016, equation 4): y = (x - mean(x)) / sqrt(var(x) + ε) · g + b.
import * as tf from '../tf.ts';
import { dimension, expectShape, hasKernel, runKernel } from './checks.ts';

export interface LayerNormWeights {
  /** [hidden], the gain g */
  weight: tf.Tensor;
  /** [hidden] */
  bias: tf.Tensor;
}

/**
 * @param x [..., hidden]
 * @param epsilon added to the variance
 * @returns [..., hidden]
 */
export function layerNorm(x: tf.Tensor, { weight, bias }: LayerNormWeights, epsilon: number): tf.Tensor {
  const width = dimension(x.shape, -1);
  expectShape('layerNorm', `weight (for x of shape [${x.shape.join(', ')}])`, weight.shape, [width]);
  expectShape('layerNorm', `bias (for x of shape [${x.shape.join(', ')}])`, bias.shape, [width]);
  if (hasKernel('FourfoldLayerNorm', x, weight, bias)) {
    return tf.tidy(() => runKernel('FourfoldLayerNorm', { x, weight, bias }, { epsilon }));
  }
  return layerNormReference(x, { weight, bias }, epsilon);
}

/** The same in plain tfjs operations. */
export function layerNormReference(x: tf.Tensor, { weight, bias }: LayerNormWeights, epsilon: number): tf.Tensor {
  return tf.tidy(() => {
    const centred = tf.sub(x, tf.mean(x, -1, true));
    const variance = tf.mean(tf.square(centred), -1, true);
    return tf.add(tf.mul(tf.mul(centred, tf.rsqrt(tf.add(variance, epsilon))), weight), bias);
  });
}
