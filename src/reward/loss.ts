// The reward model's loss. Pure: scores in, a scalar out.
import * as tf from '../engine/tf.ts';

/**
 * Bradley-Terry loss with soft labels, optional margins and centring, summed over pairs and divided by `totalPairs`:
 * -[p log σ(d) + (1 - p) log σ(-d)] + c (r₁ + r₂)², with d = r₁ - r₂ - margin.
 * Sources: Bradley and Terry (1952); Ouyang et al. (2022), equation 1, for p = 1; margin of Touvron et al. (2023),
 * equation 2; centring of Eisenstein et al. (2023), section 4.
 * @param chosen [pairs] rewards r₁ @param rejected [pairs] rewards r₂
 * @param softLabels [pairs] probability p that chosen is better @param margins [pairs]
 */
export function bradleyTerryLoss(
  { chosen, rejected, softLabels, margins }: Record<'chosen' | 'rejected' | 'softLabels' | 'margins', tf.Tensor>,
  { centering, totalPairs }: { centering: number; totalPairs: number },
): tf.Scalar {
  return tf.tidy(() => {
    const difference = tf.sub(tf.sub(chosen, rejected), margins);
    // -log σ(d) = softplus(-d), and -log σ(-d) = softplus(d) = d + softplus(-d).
    const preference = tf.add(tf.softplus(tf.neg(difference)), tf.mul(tf.sub(1, softLabels), difference));
    const centred = tf.mul(centering, tf.square(tf.add(chosen, rejected)));
    return tf.div(tf.sum(tf.add(preference, centred)), totalPairs) as tf.Scalar;
  });
}
