// The embedding: row ids[...] of a table.
import * as tf from '../tf.ts';
import { dimension, expectInt32, expectShape, hasKernel, runKernel } from './checks.ts';

/**
 * @param table [vocab, hidden]
 * @param ids int32, any shape [...], each in 0 .. vocab - 1
 * @returns [..., hidden]
 */
export function embedding(table: tf.Tensor, ids: tf.Tensor): tf.Tensor {
  expectShape('embedding', 'table', table.shape, [null, null]);
  expectInt32('embedding', 'ids', ids);
  if (hasKernel('FourfoldEmbedding', table)) return runKernel('FourfoldEmbedding', { table, ids });
  return embeddingReference(table, ids);
}

/** The same in plain tfjs operations. */
export function embeddingReference(table: tf.Tensor, ids: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const rows = tf.gather(table, tf.reshape(ids, [ids.size]));
    return tf.reshape(rows, [...ids.shape, dimension(table.shape, 1)]);
  });
}
