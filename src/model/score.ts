// Rewards and log-probabilities of many sequences, batch by batch.
import { nextTurnUnlessStopped } from '../core/nextTurn.ts';
import * as tf from '../engine/tf.ts';
import { type Batch, disposeBatch, makeBatch, type Sequence } from './batch.ts';
import { responseLogProbs, sequenceScores } from './heads.ts';
import type { Model } from './model.ts';

interface Chunk {
  batch: Batch;
  /** Places of the batch's rows in the list given. */
  indices: number[];
}

interface ScoreOptions {
  batchSize: number;
  signal?: AbortSignal | undefined;
}

/** Runs `read` over the sequences in batches of like length. @throws interrupted where the signal is aborted. */
async function inBatches(
  model: Model,
  sequences: ReadonlyArray<Sequence>,
  { batchSize, signal }: ScoreOptions,
  read: (chunk: Chunk) => Promise<void>,
): Promise<void> {
  const order = sequences
    .map((sequence, index) => ({ sequence, index }))
    .sort((a, b) => a.sequence.ids.length - b.sequence.ids.length);
  for (let start = 0; start < order.length; start += batchSize) {
    await nextTurnUnlessStopped(signal, 'Scoring');
    const part = order.slice(start, start + batchSize);
    const batch = makeBatch(
      part.map(({ sequence }) => sequence),
      model.config.maxPositions,
    );
    try {
      await read({ batch, indices: part.map(({ index }) => index) });
    } finally {
      disposeBatch(batch);
    }
  }
}

/** The scalar head at the last token of each sequence, in the order given. @throws too-long, bad-input, interrupted. */
export async function scoreSequences(
  model: Model,
  sequences: ReadonlyArray<Sequence>,
  batchSize: number,
  signal?: AbortSignal,
): Promise<number[]> {
  const scores = new Array<number>(sequences.length);
  await inBatches(model, sequences, { batchSize, signal }, async ({ batch, indices }) => {
    const tensor = tf.tidy(() => sequenceScores(model, batch));
    const values = await tensor.data();
    tensor.dispose();
    for (const [i, index] of indices.entries()) scores[index] = values[i] ?? Number.NaN;
  });
  return scores;
}

export interface SequenceLogProb {
  /** Sum over the response tokens, in nats. */
  logProb: number;
  tokens: number;
}

/**
 * Sum of the log-probabilities of each sequence's response tokens, and their number, in the order given.
 * @throws too-long, bad-input, interrupted
 */
export async function sequenceLogProbs(
  model: Model,
  sequences: ReadonlyArray<Sequence>,
  { batchSize, temperature = 1, signal }: ScoreOptions & { temperature?: number },
): Promise<SequenceLogProb[]> {
  const results = new Array<SequenceLogProb>(sequences.length);
  await inBatches(model, sequences, { batchSize, signal }, async ({ batch, indices }) => {
    const tensor = tf.tidy(() => responseLogProbs(model, batch, temperature).logProbs);
    const values = await tensor.data();
    tensor.dispose();
    let start = 0;
    for (const [row, tokens] of batch.responseLengths.entries()) {
      const logProb = Array.from(values.slice(start, start + tokens)).reduce((sum, value) => sum + value, 0);
      results[indices[row] ?? 0] = { logProb, tokens };
      start += tokens;
    }
  });
  return results;
}
