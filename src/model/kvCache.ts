// Keys and values that decoding keeps. A cache is a plain value: attention takes it as an argument and gives a new one.
import * as tf from '../engine/tf.ts';

export type LayerCache = {
  /** [batch, time, kvHeads, headDim], rotary positions applied */
  key: tf.Tensor4D;
  /** [batch, time, kvHeads, headDim] */
  value: tf.Tensor4D;
};

export function disposeCache(cache: ReadonlyArray<LayerCache>): void {
  for (const { key, value } of cache) {
    key.dispose();
    value.dispose();
  }
}

/** A cache of the given rows only, in their order. The old one stays the caller's. */
export function selectRows(cache: ReadonlyArray<LayerCache>, rows: ReadonlyArray<number>): LayerCache[] {
  const indices = tf.tensor1d([...rows], 'int32');
  const selected = cache.map(({ key, value }) => ({ key: tf.gather(key, indices), value: tf.gather(value, indices) }));
  indices.dispose();
  return selected;
}
