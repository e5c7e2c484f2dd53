// Softmax and its logarithm over the last axis.
import * as tf from '../tf.ts';
import { hasKernel, runKernel } from './checks.ts';

/**
 * @param logits [..., classes]
 * @returns [..., classes], each row summing to 1
 */
export function softmax(logits: tf.Tensor): tf.Tensor {
  if (hasKernel('FourfoldSoftmax', logits)) return runKernel('FourfoldSoftmax', { x: logits });
  return softmaxReference(logits);
}

/**
 * @param logits [..., classes]
 * @returns [..., classes], log(softmax)
 */
export function logSoftmax(logits: tf.Tensor): tf.Tensor {
  if (hasKernel('FourfoldLogSoftmax', logits)) return runKernel('FourfoldLogSoftmax', { x: logits });
  return logSoftmaxReference(logits);
}

/** softmax in plain tfjs operations. */
export function softmaxReference(logits: tf.Tensor): tf.Tensor {
  return tf.softmax(logits);
}

/** logSoftmax in plain tfjs operations. */
export function logSoftmaxReference(logits: tf.Tensor): tf.Tensor {
  return tf.logSoftmax(logits);
}
