// Rewards of many sequences, batch by batch.
import * as tf from '../engine/tf.ts';
import { disposeBatch, makeBatch, type Sequence } from './batch.ts';
import { sequenceScores } from './heads.ts';
import type { Model } from './model.ts';

/** The scalar head at the last token of each sequence, in the order given. Sequences of like length go together. */
export async function scoreSequences(
  model: Model,
  sequences: ReadonlyArray<Sequence>,
  batchSize: number,
): Promise<number[]> {
  const order = sequences
    .map((sequence, index) => ({ sequence, index }))
    .sort((a, b) => a.sequence.ids.length - b.sequence.ids.length);
  const scores = new Array<number>(sequences.length);
  for (let start = 0; start < order.length; start += batchSize) {
    const part = order.slice(start, start + batchSize);
    const batch = makeBatch(
      part.map(({ sequence }) => sequence),
      model.config.maxPositions,
    );
    const tensor = tf.tidy(() => sequenceScores(model, batch));
    const values = await tensor.data();
    tensor.dispose();
    disposeBatch(batch);
    for (const [i, { index }] of part.entries()) scores[index] = values[i] ?? Number.NaN;
  }
  return scores;
}
