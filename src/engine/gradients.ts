// Values and gradients of a loss by parameter name, their norm, clipping and accumulation.
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
 * Scales all gradients by min(1, maxNorm / (norm + 1e-6)) (Pascanu et al. 2013, algorithm 1), without a readback.
 * The caller keeps its own gradients and disposes the clipped ones.
 *
 * @returns the clipped gradients and the norm before clipping (scalar)
 */
export function clipByGlobalNorm(
  gradients: Map<string, tf.Tensor>,
  maxNorm: number,
): { gradients: Map<string, tf.Tensor>; norm: tf.Scalar } {
  const norm = globalNorm(gradients);
  const clipped = new Map<string, tf.Tensor>();
  if (hasKernel('FourfoldClip', ...gradients.values())) {
    for (const [name, x] of gradients) clipped.set(name, runKernel('FourfoldClip', { x, norm }, { maxNorm }));
    return { gradients: clipped, norm };
  }
  tf.tidy(() => {
    const factor = tf.minimum(tf.div(maxNorm, tf.add(norm, 1e-6)), 1);
    for (const [name, gradient] of gradients) clipped.set(name, tf.keep(tf.mul(gradient, factor)));
  });
  return { gradients: clipped, norm };
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
