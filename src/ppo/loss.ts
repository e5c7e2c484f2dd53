// PPO's losses over the tokens of a minibatch. Pure: tensors in, tensors out; call inside tidy.
import * as tf from '../engine/tf.ts';

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
  return {
    loss: tf.mean(tf.maximum(plain, clipped)),
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
  const clipped = tf.add(oldValues, tf.clipByValue(tf.sub(values, oldValues), -clipRange, clipRange));
  const squared = tf.maximum(tf.squaredDifference(values, returns), tf.squaredDifference(clipped, returns));
  return tf.mul(0.5, tf.mean(squared)) as tf.Scalar;
}
