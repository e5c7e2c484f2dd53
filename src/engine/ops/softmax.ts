// Softmax and its logarithm over the last axis.
import * as tf from '../tf.ts';

/**
 * @param logits [..., classes]
 * @returns [..., classes], each row summing to 1
 */
export function softmax(logits: tf.Tensor): tf.Tensor {
  return softmaxReference(logits);
}

/**
 * @param logits [..., classes]
 * @returns [..., classes], log(softmax)
 */
export function logSoftmax(logits: tf.Tensor): tf.Tensor {
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
