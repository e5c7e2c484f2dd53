// Values and gradients of a loss by parameter name, their norm, the factor that clips them, and accumulation.
import { FourfoldError } from '../core/errors.ts';
import { hasKernel, runKernel } from './ops/checks.ts';
import * as tf from './tf.ts';

export interface ValueAndGradients {
  value: tf.Scalar;
  /** One gradient for each variable, of its shape; zeros where the loss does not depend on it. */
  gradients: Map<string, tf.Tensor>;
}

/**
 * The loss and its gradient with respect to each variable. The caller disposes both.
 *
 * @param variables the parameters, by name
 * @param f computes the scalar loss
 */
export function valueAndGradients(variables: Map<string, tf.Variable>, f: () => tf.Scalar): ValueAndGradients {
  if (variables.size === 0) throw new FourfoldError('bad-input', 'Expected at least one variable to train; got none.');
  const names = [...variables.keys()];
  const list = [...variables.values()];
  const { value, grads } = tf.tidy(() => {
    const result = tf.engine().gradients(f, list, undefined, true);
    if (result.value.rank !== 0) {
      throw new FourfoldError('internal', `Expected the loss to be a scalar; its shape is [${result.value.shape}].`);
    }
    return { value: result.value, grads: result.grads.map((grad, i) => grad ?? tf.zerosLike(list[i] as tf.Tensor)) };
  });
  const gradients = new Map<string, tf.Tensor>();
  for (const [i, name] of names.entries()) gradients.set(name, grads[i] as tf.Tensor);
  return { value: value as tf.Scalar, gradients };
}

/** The Euclidean norm of all gradients taken together. @returns scalar */
export function globalNorm(gradients: Map<string, tf.Tensor>): tf.Scalar {
  if (hasKernel('FourfoldGlobalNorm', ...gradients.values())) {
    return runKernel('FourfoldGlobalNorm', Object.fromEntries(gradients)) as tf.Scalar;
  }
  return tf.tidy(() => {
    const squares = [...gradients.values()].map((gradient) => tf.sum(tf.square(gradient)) as tf.Scalar);
    return tf.sqrt(squares.length === 0 ? tf.scalar(0) : tf.addN(squares));
  });
}

/**
 * min(1, maxNorm / (norm + 1e-6)): what scales gradients of this norm down to `maxNorm` (Pascanu et al. 2013, algorithm 1),
 * without a readback. `AdamW.step` takes it as `scale`.
 *
 * @param norm scalar, as `globalNorm` gives it
 * @returns scalar
 */
export function clipFactor(norm: tf.Scalar, maxNorm: number): tf.Scalar {
  if (hasKernel('FourfoldClipFactor', norm)) return runKernel('FourfoldClipFactor', { norm }, { maxNorm }) as tf.Scalar;
  return tf.tidy(() => tf.minimum(tf.div(maxNorm, tf.add(norm, 1e-6)), 1));
}

/**
 * Adds `gradients` to `sum` in place of the map's own tensors, and disposes both addends. An empty `sum` takes them over.
 * With micro-batches, scale each loss so that the sum is the gradient wanted.
 */
export function accumulate(sum: Map<string, tf.Tensor>, gradients: Map<string, tf.Tensor>): void {
  for (const [name, gradient] of gradients) {
    const before = sum.get(name);
    if (before === undefined) {
      sum.set(name, gradient);
      continue;
    }
    sum.set(name, tf.add(before, gradient));
    tf.dispose([before, gradient]);
  }
}
