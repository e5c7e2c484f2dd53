// PPO's losses over the tokens of a minibatch. Pure: tensors in, tensors out; call inside tidy. Gradients are written out:
// where the clipped term decides, a token has none, elsewhere that of the plain one.
import type { GradSaver } from '../engine/ops/checks.ts';
import * as tf from '../engine/tf.ts';

/**
 * Mean of `terms` [n] as a function of `x` [n].
 * @param slopes [n]: the derivative of each term by its x
 */
function meanWithSlopes(x: tf.Tensor, terms: tf.Tensor, slopes: tf.Tensor): tf.Scalar {
  const apply = tf.customGrad((_x: tf.Tensor | GradSaver, save: tf.Tensor | GradSaver) => {
    (save as GradSaver)([slopes]);
    return {
      value: tf.mean(terms),
      gradFunc: (dy: tf.Tensor, [saved]: tf.Tensor[]) => tf.mul(saved as tf.Tensor, tf.div(dy, x.size)),
    };
  });
  return apply(x) as tf.Scalar;
}

export interface PolicyLoss {
  loss: tf.Scalar;
  /** Mean of (ratio - 1) - log ratio, which estimates KL(old || new) (estimator k3 of Schulman 2020). */
  approxKl: tf.Scalar;
  /** Share of tokens whose ratio was clipped. */
  clipFraction: tf.Scalar;
  ratioMax: tf.Scalar;
}

/**
 * Clipped surrogate: mean of max(-A ρ, -A clip(ρ, 1 - ε, 1 + ε)), ρ = exp(log π - log π_old).
 * Source: Schulman et al. (2017), equation 7.
 * @param logProbs [n] @param oldLogProbs [n] @param advantages [n]
 */
export function policyLoss(
  { logProbs, oldLogProbs, advantages }: Record<'logProbs' | 'oldLogProbs' | 'advantages', tf.Tensor>,
  clipRange: number,
): PolicyLoss {
  const logRatio = tf.sub(logProbs, oldLogProbs);
  const ratio = tf.exp(logRatio);
  const plain = tf.neg(tf.mul(advantages, ratio));
  const clipped = tf.neg(tf.mul(advantages, tf.clipByValue(ratio, 1 - clipRange, 1 + clipRange)));
  // -A ρ is its own derivative by log π.
  const slopes = tf.mul(plain, tf.greaterEqual(plain, clipped));
  return {
    loss: meanWithSlopes(logProbs, tf.maximum(plain, clipped), slopes),
    approxKl: tf.mean(tf.sub(tf.sub(ratio, 1), logRatio)),
    clipFraction: tf.mean(tf.cast(tf.greater(clipped, plain), 'float32')),
    ratioMax: tf.max(ratio),
  };
}

/**
 * Clipped value loss: ½ mean of max((V - R)², (V_clip - R)²), V_clip = V_old + clip(V - V_old, -ε, ε).
 * Source: the PPO2 code of OpenAI baselines, described in Huang et al. (2022), detail 9.
 * @param values [n] @param oldValues [n] @param returns [n]
 */
export function valueLoss(
  { values, oldValues, returns }: Record<'values' | 'oldValues' | 'returns', tf.Tensor>,
  clipRange: number,
): tf.Scalar {
  const change = tf.sub(values, oldValues);
  const bounded = tf.clipByValue(change, -clipRange, clipRange);
  const error = tf.sub(values, returns);
  const plain = tf.square(error);
  const clipped = tf.squaredDifference(tf.add(oldValues, bounded), returns);
  const isPlain = tf.logicalOr(tf.equal(change, bounded), tf.greaterEqual(plain, clipped));
  return meanWithSlopes(values, tf.mul(0.5, tf.maximum(plain, clipped)), tf.mul(error, isPlain));
}
