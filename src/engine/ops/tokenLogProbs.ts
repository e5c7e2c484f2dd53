// The log-probability of chosen tokens and the entropy of the distribution each was chosen from, straight from hidden
// states: log softmax(hidden·Wᵀ / temperature)[target]. SFT, DPO and PPO all stand on it.
import { oneHotRows } from '../derivatives/register.ts';
import * as tf from '../tf.ts';
import { dimension, expectInt32, expectShape, hasKernel, runKernels, withoutGradient } from './checks.ts';
import { linearReference } from './linear.ts';

export interface TokenLogProbsInput {
  /** [n, hidden]: hidden states of the wanted positions only */
  hidden: tf.Tensor;
  /** [vocab, hidden]: the output layer; make it `tf.variable(..., false)` where frozen, which saves its gradient */
  weight: tf.Tensor;
  /** int32 [n], each in 0 .. vocab - 1 */
  targets: tf.Tensor;
  /** Divides the logits; 1 where absent. */
  temperature?: number;
  /** [vocab], added to the logits */
  bias?: tf.Tensor | undefined;
  /** Logits z become cap·tanh(z / cap) before the temperature divides them (Gemma 2); as they are where absent. */
  softcap?: number | undefined;
  /**
   * What the gradient of the loss with respect to every one of the log-probabilities will be, where it is one number that is
   * known beforehand. The gradients may then be computed with the values, which saves a quarter of the products. Another
   * gradient that comes all the same is served as usual.
   */
  foreseen?: number | undefined;
}

export interface TokenLogProbs {
  /** [n], in nats; its gradient flows to hidden and weight */
  logProbs: tf.Tensor;
  /** [n], in nats; carries no gradient */
  entropy: tf.Tensor;
}

/** log π(target) and the entropy at each position; without any, the values hang on nothing and have no gradient. */
export function tokenLogProbs(input: TokenLogProbsInput): TokenLogProbs {
  if (input.bias !== undefined && input.softcap === undefined) return tokenLogProbs(biasAsColumn(input, input.bias));
  const { hidden, weight, targets, softcap } = input;
  expectShape('tokenLogProbs', 'hidden', hidden.shape, [null, null]);
  const [n, width] = [dimension(hidden.shape, 0), dimension(hidden.shape, 1)];
  expectShape('tokenLogProbs', `weight (for hidden [${hidden.shape.join(', ')}])`, weight.shape, [null, width]);
  expectShape('tokenLogProbs', `targets (for hidden [${hidden.shape.join(', ')}])`, targets.shape, [n]);
  expectInt32('tokenLogProbs', 'targets', targets);
  if (n === 0) return { logProbs: tf.zeros([0]), entropy: tf.zeros([0]) };
  if (softcap !== undefined || !hasKernel('FourfoldTokenLogProbs', hidden, weight))
    return tokenLogProbsReference(input);
  const [logProbs, entropy] = tf.tidy(() => {
    const scale = 1 / (input.temperature ?? 1);
    // Where both gradients are wanted, one pass over the vocabulary gives both; a frozen output layer needs only one.
    const trainsWeight = weight instanceof tf.Variable && weight.trainable;
    const inputs = { hidden, weight, targets };
    const isForeseen = input.foreseen !== undefined && tf.engine().state.gradientDepth > 0;
    const foreseen = isForeseen ? { foreseen: input.foreseen } : {};
    return runKernels('FourfoldTokenLogProbs', inputs, { scale, trainsWeight, ...foreseen }).slice(0, 2);
  }) as [tf.Tensor, tf.Tensor];
  return { logProbs, entropy };
}

/** The bias as one more column of the weight, beside a column of ones: h·Wᵀ + b = [h, 1]·[W, b]ᵀ. */
function biasAsColumn({ bias: _, ...input }: TokenLogProbsInput, bias: tf.Tensor): TokenLogProbsInput {
  const [n, vocab] = [dimension(input.hidden.shape, 0), dimension(input.weight.shape, 0)];
  expectShape('tokenLogProbs', `bias (for weight [${input.weight.shape.join(', ')}])`, bias.shape, [vocab]);
  return {
    ...input,
    hidden: tf.concat([input.hidden, tf.ones([n, 1])], 1),
    weight: tf.concat([input.weight, tf.reshape(bias, [vocab, 1])], 1),
  };
}

/** The same in plain tfjs operations; holds [n, vocab]. */
export function tokenLogProbsReference({
  hidden,
  weight,
  targets,
  temperature = 1,
  bias,
  softcap,
}: TokenLogProbsInput): TokenLogProbs {
  return tf.tidy(() => {
    const plain = linearReference(hidden, weight, bias);
    const logits = tf.div(softcap === undefined ? plain : capped(plain, softcap), temperature);
    const all = tf.logSoftmax(logits);
    const isTarget = oneHotRows(targets, dimension(weight.shape, 0));
    const still = withoutGradient(all);
    return {
      logProbs: tf.sum(tf.mul(all, isTarget), -1),
      entropy: tf.neg(tf.sum(tf.mul(tf.exp(still), still), -1)),
    };
  });
}

/** cap·tanh(x / cap): near x where small, within ±cap always. */
export function capped(x: tf.Tensor, cap: number): tf.Tensor {
  return tf.mul(tf.tanh(tf.div(x, cap)), cap);
}
