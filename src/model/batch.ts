// A batch of token sequences as tensors: padded on the right, so that a sequence's positions count from 0 and causal
// attention never sees the padding. Which positions carry a loss travels beside the ids, never as a sentinel in them.
import { FourfoldError } from '../core/errors.ts';
import * as tf from '../engine/tf.ts';

export interface Sequence {
  ids: ReadonlyArray<number>;
  /** True at tokens that are predicted for the loss; false at the prompt. */
  isResponseToken: ReadonlyArray<boolean>;
}

export interface Batch {
  /** [batch, time] int32, padded with 0 on the right */
  ids: tf.Tensor2D;
  /** [batch, time] int32 */
  positions: tf.Tensor2D;
  /** [batch] int32, all 0 */
  keyStart: tf.Tensor1D;
  /** Flat index (row * time + column) of each position whose next token is a response token: n of them. */
  predictAt: tf.Tensor1D;
  /** [n] int32: the response token that follows each of those positions. */
  targets: tf.Tensor1D;
  /** Response tokens of each row; their sum is n. */
  responseLengths: number[];
  /** Flat index of each row's last token: [batch] int32. */
  lastToken: tf.Tensor1D;
}

/** @throws too-long where a sequence exceeds the model's context; bad-input where one is empty. */
export function makeBatch(sequences: ReadonlyArray<Sequence>, maxPositions: number): Batch {
  const time = Math.max(1, ...sequences.map((sequence) => sequence.ids.length));
  if (time > maxPositions) {
    throw new FourfoldError(
      'too-long',
      `Expected at most ${maxPositions} tokens (the model's context), got ${time}. Shorten the text.`,
    );
  }
  const rows = sequences.length;
  const ids = new Int32Array(rows * time);
  const positions = new Int32Array(rows * time);
  const predictAt: number[] = [];
  const targets: number[] = [];
  const responseLengths: number[] = [];
  const lastToken = new Int32Array(rows);
  for (const [row, sequence] of sequences.entries()) {
    if (sequence.ids.length === 0)
      throw new FourfoldError('bad-input', 'Expected at least one token in each sequence, got none.');
    const before = targets.length;
    for (let column = 0; column < time; column++) positions[row * time + column] = column;
    for (const [column, id] of sequence.ids.entries()) {
      ids[row * time + column] = id;
      if (column > 0 && sequence.isResponseToken[column]) {
        predictAt.push(row * time + column - 1);
        targets.push(id);
      }
    }
    responseLengths.push(targets.length - before);
    lastToken[row] = row * time + sequence.ids.length - 1;
  }
  return {
    ids: tf.tensor2d(ids, [rows, time], 'int32'),
    positions: tf.tensor2d(positions, [rows, time], 'int32'),
    keyStart: tf.zeros([rows], 'int32'),
    predictAt: tf.tensor1d(predictAt, 'int32'),
    targets: tf.tensor1d(targets, 'int32'),
    responseLengths,
    lastToken: tf.tensor1d(lastToken, 'int32'),
  };
}

export function disposeBatch({ ids, positions, keyStart, predictAt, targets, lastToken }: Batch): void {
  tf.dispose([ids, positions, keyStart, predictAt, targets, lastToken]);
}
