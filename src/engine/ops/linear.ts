// The linear layer: y = x·Wᵀ + b, with the weight in the [out, in] layout of published models.
import * as tf from '../tf.ts';
import { badShape, dimension, expectShape, hasKernel, runKernel } from './checks.ts';

/**
 * @param x [..., in]
 * @param weight [out, in]
 * @param bias [out]
 * @returns [..., out]
 */
export function linear(x: tf.Tensor, weight: tf.Tensor, bias?: tf.Tensor): tf.Tensor {
  const width = dimension(x.shape, -1);
  if (x.rank < 1) throw badShape('linear', 'x [..., in]', '[]');
  expectShape('linear', `weight (for x of shape [${x.shape.join(', ')}])`, weight.shape, [null, width]);
  const out = dimension(weight.shape, 0);
  if (bias !== undefined) expectShape('linear', `bias (for weight [${weight.shape.join(', ')}])`, bias.shape, [out]);
  const inputs: Record<string, tf.Tensor> = bias === undefined ? { x, weight } : { x, weight, bias };
  if (hasKernel('FourfoldLinear', ...Object.values(inputs))) return runKernel('FourfoldLinear', inputs);
  return linearReference(x, weight, bias);
}

/** The same in plain tfjs operations. */
export function linearReference(x: tf.Tensor, weight: tf.Tensor, bias?: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const rows = tf.reshape(x, [-1, dimension(x.shape, -1)]);
    const product = tf.matMul(rows, weight, false, true);
    const y = bias === undefined ? product : tf.add(product, bias);
    return tf.reshape(y, [...x.shape.slice(0, -1), dimension(weight.shape, 0)]);
  });
}
