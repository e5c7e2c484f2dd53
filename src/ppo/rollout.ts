// One roll-out: replies to prompts, and all that PPO reads off them without gradients.
import { nextTurn } from '../core/nextTurn.ts';
import { seedOf } from '../core/random.ts';
import * as tf from '../engine/tf.ts';
import { generate } from '../generate/generate.ts';
import { type Batch, disposeBatch, makeBatch, type Sequence } from '../model/batch.ts';
import { responseLogProbs, responseValues } from '../model/heads.ts';
import type { Model } from '../model/model.ts';
import { scoreSequences } from '../model/score.ts';
import type { PpoConfig } from './config.ts';

export interface RolloutPrompt {
  id: string;
  ids: ReadonlyArray<number>;
}

/** A reply with its figures, one number a token where not said otherwise. */
export interface Episode {
  sequence: Sequence;
  finishReason: 'stop' | 'length';
  /** log π of the policy that drew it, at the roll-out's temperature. */
  logProbs: number[];
  refLogProbs: number[];
  /** Entropy of the policy before each token, in nats. */
  entropy: number[];
  values: number[];
  /** The reward model's output for the whole reply, as it is. */
  reward: number;
}

export interface RolloutModels {
  policy: Model;
  reference: Model;
  value: Model;
  reward: Model;
}

const split = (flat: ArrayLike<number>, lengths: ReadonlyArray<number>): number[][] => {
  let start = 0;
  return lengths.map((length) => Array.from({ length }, () => flat[start++] ?? Number.NaN));
};

async function readTokens(
  model: Model,
  sequences: ReadonlyArray<Sequence>,
  batchSize: number,
  read: (model: Model, batch: Batch) => tf.Tensor[],
): Promise<number[][][]> {
  const rows: number[][][] = [];
  for (let start = 0; start < sequences.length; start += batchSize) {
    await nextTurn();
    const batch = makeBatch(sequences.slice(start, start + batchSize), model.config.maxPositions);
    const tensors = tf.tidy(() => read(model, batch));
    const parts = await Promise.all(tensors.map(async (tensor) => split(await tensor.data(), batch.responseLengths)));
    tf.dispose(tensors);
    for (const row of batch.responseLengths.keys()) rows.push(parts.map((part) => part[row] ?? []));
    disposeBatch(batch);
  }
  return rows;
}

/**
 * Draws one reply to each prompt and scores it. A prompt's reply depends on seed, iteration and prompt alone.
 * @throws as generate.
 */
export async function rollOut(
  { policy, reference, value, reward }: RolloutModels,
  prompts: ReadonlyArray<RolloutPrompt>,
  { config, iteration, stopIds }: { config: PpoConfig; iteration: number; stopIds: ReadonlyArray<number> },
): Promise<Episode[]> {
  const { temperature, maxNewTokens, forwardBatchSize } = config;
  const requests = prompts.map(({ id, ids }) => ({
    promptIds: ids,
    seed: seedOf(config.seed, 'rollout', iteration, id),
  }));
  const sampling = { temperature, topK: 0, topP: 1, maxNewTokens };
  const replies = await generate(policy, requests, { sampling, stopIds, maxRunning: config.maxRunning });
  const sequences: Sequence[] = replies.map(({ tokenIds }, i) => {
    const promptIds = prompts[i]?.ids ?? [];
    return {
      ids: [...promptIds, ...tokenIds],
      isResponseToken: [...promptIds.map(() => false), ...tokenIds.map(() => true)],
    };
  });
  const referred = await readTokens(reference, sequences, forwardBatchSize, (model, batch) => [
    responseLogProbs(model, batch, temperature).logProbs,
  ]);
  const valued = await readTokens(value, sequences, forwardBatchSize, (model, batch) => [responseValues(model, batch)]);
  const rewards = await scoreSequences(reward, sequences, forwardBatchSize);
  return sequences.map((sequence, i) => ({
    sequence,
    finishReason: replies[i]?.finishReason ?? 'length',
    // Of the very logits that each token was drawn from: no second forward pass of the policy.
    logProbs: replies[i]?.logProbs ?? [],
    entropy: replies[i]?.entropy ?? [],
    refLogProbs: referred[i]?.[0] ?? [],
    values: valued[i]?.[0] ?? [],
    reward: rewards[i] ?? Number.NaN,
  }));
}
