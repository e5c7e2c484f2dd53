// The choice of the next token of each row on the device: greedy, temperature, top-k (Fan, Lewis and Dauphin 2018), top-p
// (Holtzman et al. 2020), by the inverse of the cumulative distribution at a given uniform number.
// Only ids and two figures a row need be read back, never the logits.
import * as tf from '../tf.ts';
import { dimension, expectShape, hasKernel, runKernel } from './checks.ts';

/** How tokens are chosen. */
export interface SamplingRule {
  /** Divides the logits; 0 is greedy (the first of the largest logits). */
  temperature: number;
  /** Keeps the k most probable tokens, the lower id first among equals; 0: all. */
  topK: number;
  /** Keeps, of what top-k kept, the smallest set whose probability reaches p, at least one token; 1: all. */
  topP: number;
}

/** What was drawn, one of each a row. */
export interface Drawn {
  /** -1 where the logits are not finite. */
  tokens: ArrayLike<number>;
  /** log π(token) at the temperature (1 where greedy), before the filters, in nats. */
  logProbs: ArrayLike<number>;
  /** Entropy of the same distribution, in nats. */
  entropy: ArrayLike<number>;
}

/**
 * Draws a token a row. Without filters the cumulative distribution goes by ascending id, with filters by falling probability.
 *
 * @param logits [n, vocab]
 * @param uniforms n numbers in [0, 1); unused where greedy
 * @returns float32 [3, n]: token (-1 where the logits are not finite), log-probability and entropy as in Drawn
 */
export function sample(logits: tf.Tensor, uniforms: ReadonlyArray<number>, rule: SamplingRule): tf.Tensor2D {
  expectShape('sample', `logits (for ${uniforms.length} uniform numbers)`, logits.shape, [uniforms.length, null]);
  if (hasKernel('FourfoldSample', logits)) {
    return runKernel('FourfoldSample', { logits }, { uniforms, rule }) as tf.Tensor2D;
  }
  return sampleReference(logits, uniforms, rule);
}

/** The same in plain tfjs operations, in single precision. */
export function sampleReference(
  logits: tf.Tensor,
  uniforms: ReadonlyArray<number>,
  { temperature, topK, topP }: SamplingRule,
): tf.Tensor2D {
  const vocab = dimension(logits.shape, 1);
  return tf.tidy(() => {
    const logProbs = tf.logSoftmax(temperature === 0 ? logits : tf.div(logits, temperature));
    const probs = tf.exp(logProbs);
    const token =
      temperature === 0 || topK === 1
        ? tf.argMax(logits, 1)
        : topK === 0 && topP >= 1
          ? firstBeyond(probs, uniforms)
          : drawFiltered(probs, uniforms, { topK: topK === 0 ? vocab : Math.min(topK, vocab), topP });
    const isToken = isAt(token, vocab);
    // A token of probability 0 has the logarithm -Infinity, which times 0 is NaN; where() keeps it out of the sums.
    const known = tf.where(tf.greater(probs, 0), logProbs, tf.zerosLike(logProbs));
    const logProb = tf.sum(tf.mul(known, isToken), 1);
    const entropy = tf.neg(tf.sum(tf.mul(probs, known), 1));
    const areFinite = tf.equal(tf.sum(tf.mul(probs, 0), 1), 0);
    const chosen = tf.where(areFinite, tf.cast(token, 'float32'), tf.fill([uniforms.length], -1));
    return tf.stack([chosen, logProb, entropy]) as tf.Tensor2D;
  });
}

/** The largest number below 1 in single precision. */
const BELOW_ONE = 1 - 2 ** -24;

/** The first column at which the running sum of a row exceeds uniform · its sum; int32 [n]. @param weights [n, columns] */
function firstBeyond(weights: tf.Tensor, uniforms: ReadonlyArray<number>): tf.Tensor {
  const columns = dimension(weights.shape, 1);
  const sums = tf.cumsum(weights, 1);
  const total = tf.slice(sums, [0, columns - 1], [-1, 1]);
  const bounded = uniforms.map((uniform) => Math.min(uniform, BELOW_ONE));
  const target = tf.mul(total, tf.tensor2d(bounded, [uniforms.length, 1]));
  const before = tf.sum(tf.cast(tf.lessEqual(sums, target), 'int32'), 1);
  return tf.minimum(before, tf.scalar(columns - 1, 'int32'));
}

function drawFiltered(
  probs: tf.Tensor,
  uniforms: ReadonlyArray<number>,
  { topK, topP }: { topK: number; topP: number },
): tf.Tensor {
  const { values, indices } = tf.topk(probs, topK, true);
  const sums = tf.cumsum(values, 1);
  const total = tf.slice(sums, [0, topK - 1], [-1, 1]);
  // Kept: those before which less than p of the whole is reached; the first always.
  const isKept =
    topP >= 1 ? tf.onesLike(values) : tf.cast(tf.less(tf.sub(sums, values), tf.mul(total, topP)), 'float32');
  const place = firstBeyond(tf.mul(values, isKept), uniforms);
  return tf.sum(tf.mul(tf.cast(indices, 'float32'), isAt(place, topK)), 1);
}

/** 1 at the place of each row, 0 elsewhere: float32 [n, columns]. @param places [n] */
function isAt(places: tf.Tensor, columns: number): tf.Tensor {
  const at = tf.reshape(tf.cast(places, 'float32'), [-1, 1]);
  return tf.cast(tf.equal(tf.range(0, columns, 1, 'float32'), at), 'float32');
}
