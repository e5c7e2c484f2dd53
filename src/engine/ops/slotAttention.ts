// Decoding against a cache of slots: rows written where they belong, and one query a row over its slot's keys.
import * as tf from '../tf.ts';
import { badShape, dimension, expectInt32, expectShape, hasKernel, runKernel } from './checks.ts';

/**
 * The table with `rows` at `indices`, later ones over earlier ones; no gradient. Kernels write in place, so that the old
 * table holds the new rows too: dispose it, and use what comes back.
 *
 * @param table [n, width]
 * @param indices int32 [m], each in 0 .. n - 1 and, but for kernels, once
 * @param rows [m, width]
 * @returns [n, width]
 */
export function scatterRows(table: tf.Tensor2D, indices: tf.Tensor1D, rows: tf.Tensor2D): tf.Tensor2D {
  expectShape('scatterRows', 'table', table.shape, [null, null]);
  expectShape('scatterRows', 'rows', rows.shape, [dimension(indices.shape, 0), dimension(table.shape, 1)]);
  expectInt32('scatterRows', 'indices', indices);
  if (hasKernel('FourfoldScatterRows', table, rows)) {
    return runKernel('FourfoldScatterRows', { table, indices, rows }) as tf.Tensor2D;
  }
  return scatterRowsReference(table, indices, rows);
}

/** The same in a plain tfjs operation, which makes a new table. */
export function scatterRowsReference(table: tf.Tensor2D, indices: tf.Tensor1D, rows: tf.Tensor2D): tf.Tensor2D {
  return tf.tidy(() => tf.tensorScatterUpdate(table, tf.reshape(indices, [-1, 1]), rows) as tf.Tensor2D);
}

export interface SlotAttentionInput {
  /** [rows, heads, headDim] */
  query: tf.Tensor;
  /** [slots, kvHeads, capacity, headDim], heads a multiple of kvHeads */
  key: tf.Tensor;
  /** [slots, kvHeads, capacity, headDim] */
  value: tf.Tensor;
  /** int32 [rows]: the slot of each row */
  slots: tf.Tensor;
  /** int32 [rows]: how many of the slot's positions the row sees, 1 .. capacity */
  lengths: tf.Tensor;
  /** Multiplies the scores; 1/sqrt(headDim) where absent. */
  scale?: number;
  /** A row sees this many positions at most, the last of its slot; all where absent. */
  window?: number;
  /** Scaled scores s become cap·tanh(s / cap); they stay as they are where absent. */
  softcap?: number;
}

/** softmax(scale · q·Kᵀ)·V of each row over the first positions of its slot; no gradient. @returns [rows, heads, headDim] */
export function slotAttention(input: SlotAttentionInput): tf.Tensor {
  const { query, key, value, slots, lengths, scale = 1 / Math.sqrt(dimension(query.shape, 2)) } = input;
  expectShape('slotAttention', 'query', query.shape, [null, null, null]);
  const [rows, heads, headDim] = query.shape as [number, number, number];
  expectShape('slotAttention', `key (for query [${query.shape}])`, key.shape, [null, null, null, headDim]);
  expectShape('slotAttention', 'value', value.shape, key.shape);
  for (const [name, tensor] of Object.entries({ slots, lengths })) {
    expectShape('slotAttention', name, tensor.shape, [rows]);
    expectInt32('slotAttention', name, tensor);
  }
  if (heads % dimension(key.shape, 1) !== 0) {
    throw badShape('slotAttention', `heads a multiple of kvHeads, for query [${query.shape}]`, `key [${key.shape}]`);
  }
  if (hasKernel('FourfoldSlotAttention', query, key, value)) {
    const bounds = { window: input.window ?? 0, softcap: input.softcap ?? 0 };
    return tf.tidy(() =>
      runKernel('FourfoldSlotAttention', { query, key, value, slots, lengths }, { scale, ...bounds }),
    );
  }
  return slotAttentionReference(input);
}

/** The same in plain tfjs operations; holds the slots of the rows once more. */
export function slotAttentionReference(input: SlotAttentionInput): tf.Tensor {
  const { query, key, value, slots, lengths, scale, window, softcap } = input;
  const [rows, heads, headDim] = query.shape as [number, number, number];
  const [, kvHeads, capacity] = key.shape as [number, number, number, number];
  return tf.tidy(() => {
    const q = tf.reshape(query, [rows, kvHeads, heads / kvHeads, headDim]);
    const scaled = tf.mul(tf.matMul(q, tf.gather(key, slots), false, true), scale ?? 1 / Math.sqrt(headDim));
    const scores = softcap === undefined ? scaled : tf.mul(tf.tanh(tf.div(scaled, softcap)), softcap);
    const at = tf.reshape(tf.range(0, capacity, 1, 'float32'), [1, 1, 1, capacity]);
    const end = tf.reshape(tf.cast(lengths, 'float32'), [rows, 1, 1, 1]);
    const isPast = tf.less(at, end);
    const isSeen = tf.logicalAnd(isPast, tf.greaterEqual(at, tf.sub(end, window ?? capacity)));
    const hidden = tf.mul(tf.sub(1, tf.cast(isSeen, 'float32')), -1e9);
    const weights = tf.softmax(tf.add(scores, hidden));
    return tf.reshape(tf.matMul(weights, tf.gather(value, slots)), [rows, heads, headDim]);
  });
}
