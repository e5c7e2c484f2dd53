// The gated activation of Llama's feed-forward layer (Shazeer 2020, equation 6): silu(gate) · up.
import * as tf from '../tf.ts';
import { expectShape, hasKernel, runKernel } from './checks.ts';

/**
 * @param gate [...]
 * @param up [...], of the same shape
 * @returns [...]
 */
export function swiglu(gate: tf.Tensor, up: tf.Tensor): tf.Tensor {
  expectShape('swiglu', `up (for gate of shape [${gate.shape.join(', ')}])`, up.shape, gate.shape);
  if (hasKernel('FourfoldSwiglu', gate, up)) return runKernel('FourfoldSwiglu', { gate, up });
  return swigluReference(gate, up);
}

/** The same in plain tfjs operations. */
export function swigluReference(gate: tf.Tensor, up: tf.Tensor): tf.Tensor {
  return tf.tidy(() => tf.mul(tf.mul(gate, tf.sigmoid(gate)), up));
}
