// Causal grouped-query attention over left-padded rows and a key-value cache (Vaswani et al. 2017, equation 1;
// Ainslie et al. 2023 for grouped queries): softmax(scale · Q·Kᵀ)·V over the keys that a query may see.
import * as tf from '../tf.ts';
import { badShape, dimension, expectInt32, expectShape, hasKernel, runKernel } from './checks.ts';

export interface AttentionInput {
  /** [batch, time, heads, headDim] */
  query: tf.Tensor;
  /** [batch, keys, kvHeads, headDim], keys >= time, heads a multiple of kvHeads */
  key: tf.Tensor;
  /** [batch, keys, kvHeads, headDim] */
  value: tf.Tensor;
  /** int32 [batch]: the first valid key of each row (left padding) */
  keyStart: tf.Tensor;
  /** Multiplies the scores; 1/sqrt(headDim) where absent. */
  scale?: number;
  /** A query sees this many keys at most, its own included; all where absent. */
  window?: number;
  /** Scaled scores s become cap·tanh(s / cap) (Gemma 2); they stay as they are where absent. */
  softcap?: number;
}

/**
 * Query i stands at key position keys - time + i and sees the keys keyStart[b] .. keys - time + i, the last `window` of
 * them. A query that sees none (left padding) gives zeros.
 *
 * @returns [batch, time, heads, headDim]
 */
export function attention(input: AttentionInput): tf.Tensor {
  checkAttention(input);
  const { query, key, value, keyStart, scale = 1 / Math.sqrt(dimension(query.shape, 3)) } = input;
  // A back end's plain kernel knows neither window nor cap.
  const isPlain = input.window === undefined && input.softcap === undefined;
  const kernel = isPlain ? 'FourfoldAttention' : 'FourfoldBoundedAttention';
  if (hasKernel(kernel, query, key, value)) {
    const bounds = isPlain ? {} : { window: input.window ?? 0, softcap: input.softcap ?? 0 };
    return tf.tidy(() => runKernel(kernel, { query, key, value, keyStart }, { scale, ...bounds }));
  }
  return attentionReference(input);
}

function checkAttention({ query, key, value, keyStart, window = 1, softcap = 1 }: AttentionInput): void {
  if (!(Number.isInteger(window) && window >= 1 && softcap > 0)) {
    throw badShape('attention', 'a window of at least 1 and a softcap above 0', `${window} and ${softcap}`);
  }
  expectShape('attention', 'query', query.shape, [null, null, null, null]);
  const [batch, time, heads, headDim] = query.shape as [number, number, number, number];
  expectShape('attention', `key (for query [${query.shape.join(', ')}])`, key.shape, [batch, null, null, headDim]);
  expectShape('attention', `value (for key [${key.shape.join(', ')}])`, value.shape, key.shape);
  expectShape('attention', `keyStart (for query [${query.shape.join(', ')}])`, keyStart.shape, [batch]);
  expectInt32('attention', 'keyStart', keyStart);
  if (dimension(key.shape, 1) < time || heads % dimension(key.shape, 2) !== 0) {
    throw badShape(
      'attention',
      `at least as many keys as queries and heads a multiple of kvHeads, for query [${query.shape.join(', ')}]`,
      `key [${key.shape.join(', ')}]`,
    );
  }
}

/** The same in plain tfjs operations; holds [batch, heads, time, keys]. */
export function attentionReference(input: AttentionInput): tf.Tensor {
  const { query, key, value, keyStart, scale, window, softcap } = input;
  const [batch, time, heads, headDim] = query.shape as [number, number, number, number];
  const [keys, kvHeads] = [dimension(key.shape, 1), dimension(key.shape, 2)];
  const rows = batch * kvHeads;
  const group = (heads / kvHeads) * time;
  return tf.tidy(() => {
    const q = tf.reshape(tf.transpose(query, [0, 2, 1, 3]), [rows, group, headDim]);
    const k = tf.reshape(tf.transpose(key, [0, 2, 1, 3]), [rows, keys, headDim]);
    const v = tf.reshape(tf.transpose(value, [0, 2, 1, 3]), [rows, keys, headDim]);
    const scaled = tf.mul(tf.matMul(q, k, false, true), scale ?? 1 / Math.sqrt(headDim));
    const scores = softcap === undefined ? scaled : tf.mul(tf.tanh(tf.div(scaled, softcap)), softcap);
    const { isVisible, isAnyVisible } = visibility(keyStart, { time, keys, window: window ?? keys });
    const masked = tf.add(tf.reshape(scores, [batch, heads, time, keys]), tf.mul(tf.sub(1, isVisible), -1e9));
    const weights = tf.reshape(tf.mul(tf.softmax(masked), isAnyVisible), [rows, group, keys]);
    const mixed = tf.reshape(tf.matMul(weights, v), [batch, heads, time, headDim]);
    return tf.transpose(mixed, [0, 2, 1, 3]);
  });
}

/** isVisible [batch, 1, time, keys] and isAnyVisible [batch, 1, time, 1], as 1 and 0. */
function visibility(
  keyStart: tf.Tensor,
  { time, keys, window }: { time: number; keys: number; window: number },
): { isVisible: tf.Tensor; isAnyVisible: tf.Tensor } {
  const start = tf.reshape(tf.cast(keyStart, 'float32'), [-1, 1, 1, 1]);
  const queryAt = tf.reshape(tf.range(keys - time, keys, 1, 'float32'), [1, 1, time, 1]);
  const keyAt = tf.reshape(tf.range(0, keys, 1, 'float32'), [1, 1, 1, keys]);
  const isPast = tf.cast(tf.lessEqual(keyAt, queryAt), 'float32');
  const isNear = tf.cast(tf.greater(keyAt, tf.sub(queryAt, window)), 'float32');
  const isValid = tf.cast(tf.greaterEqual(keyAt, start), 'float32');
  return {
    isVisible: tf.mul(tf.mul(isPast, isNear), isValid),
    isAnyVisible: tf.cast(tf.greaterEqual(queryAt, start), 'float32'),
  };
}
