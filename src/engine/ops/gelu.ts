// The Gaussian error linear unit (Hendrycks and Gimpel 2016): x·Φ(x), by the error function or by their tanh formula.
import * as tf from '../tf.ts';
import { hasKernel, runKernel } from './checks.ts';

/**
 * @param x [...]
 * @param approximation 'none' for x/2·(1 + erf(x/√2)), 'tanh' for x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³)))
 * @returns [...]
 */
export function gelu(x: tf.Tensor, approximation: 'none' | 'tanh'): tf.Tensor {
  if (hasKernel('FourfoldGelu', x)) return runKernel('FourfoldGelu', { x }, { isTanh: approximation === 'tanh' });
  return geluReference(x, approximation);
}

/** The same in plain tfjs operations. */
export function geluReference(x: tf.Tensor, approximation: 'none' | 'tanh'): tf.Tensor {
  return tf.tidy(() => {
    const inner =
      approximation === 'tanh'
        ? tf.tanh(tf.mul(tf.add(x, tf.mul(tf.mul(tf.square(x), x), 0.044715)), Math.sqrt(2 / Math.PI)))
        : tf.erf(tf.mul(x, Math.SQRT1_2));
    return tf.mul(tf.mul(x, 0.5), tf.add(inner, 1));
  });
}
