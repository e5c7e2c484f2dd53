// The decode loop: a batch of prompts in, replies out, with a key-value cache. Each sequence has its own stream of random
// numbers, so a prompt gives the same tokens whatever else is in its batch.
import { FourfoldError } from '../core/errors.ts';
import { nextTurnUnlessStopped } from '../core/nextTurn.ts';
import { randomFrom } from '../core/random.ts';
import type { Sampling } from '../core/records.ts';
import * as tf from '../engine/tf.ts';
import { logitsOf } from '../model/heads.ts';
import { disposeCache, type LayerCache, selectRows } from '../model/kvCache.ts';
import type { Model } from '../model/model.ts';
import { transformer } from '../model/transformer.ts';
import { sampleToken } from './sampler.ts';

export interface GenerateRequest {
  /** Prompt ids, at least one. */
  promptIds: ReadonlyArray<number>;
  seed: number;
}

export interface Generated {
  /** New tokens; the end token is the last of them where finishReason is 'stop'. */
  tokenIds: number[];
  finishReason: 'stop' | 'length';
}

export interface GenerateOptions {
  sampling: Sampling;
  /** Tokens that end a reply. */
  stopIds: ReadonlyArray<number>;
  /** Called after each decoding step with the number of sequences still running. */
  onStep?: (running: number) => void;
  signal?: AbortSignal;
}

interface Running {
  index: number;
  draw: () => number;
  tokenIds: number[];
  promptLength: number;
}

function checkLengths(model: Model, requests: ReadonlyArray<GenerateRequest>): void {
  for (const { promptIds } of requests) {
    if (promptIds.length === 0) {
      throw new FourfoldError(
        'bad-input',
        'Expected a prompt of at least one token, got none, and the tokenizer adds no beginning token.',
      );
    }
    if (promptIds.length >= model.config.maxPositions) {
      throw new FourfoldError(
        'too-long',
        `Expected a prompt shorter than the model's context of ${model.config.maxPositions} tokens, got ${promptIds.length}. Shorten the prompt.`,
      );
    }
    const outside = promptIds.find((id) => !Number.isInteger(id) || id < 0 || id >= model.config.vocab);
    if (outside !== undefined) {
      throw new FourfoldError('bad-input', `Expected token ids from 0 to ${model.config.vocab - 1}, got ${outside}.`);
    }
  }
}

interface StepInput {
  /** [batch, time] */
  ids: number[][];
  positions: number[][];
  keyStart: number[];
  cache: ReadonlyArray<LayerCache> | null;
}

/** One pass: the logits of each row's last position, and the grown cache, which the caller owns. */
function forwardStep(
  model: Model,
  { ids, positions, keyStart, cache }: StepInput,
): { logits: tf.Tensor2D; cache: LayerCache[] } {
  return tf.tidy(() => {
    const output = transformer(model, {
      ids: tf.tensor2d(ids, undefined, 'int32'),
      positions: tf.tensor2d(positions, undefined, 'int32'),
      keyStart: tf.tensor1d(keyStart, 'int32'),
      ...(cache === null ? {} : { cache }),
    });
    const [batch, time, hidden] = output.hidden.shape;
    const last = tf.reshape<tf.Rank.R2>(tf.slice(output.hidden, [0, time - 1, 0], [batch, 1, hidden]), [batch, hidden]);
    return { logits: logitsOf(model, last) as tf.Tensor2D, cache: output.cache };
  });
}

/**
 * Generates a reply to each request, in the order of the requests.
 * A reply stops at a stop token, after `maxNewTokens`, or where the model's context ends.
 * @throws too-long, bad-input for a prompt that does not fit; interrupted where the signal is aborted.
 */
export async function generate(
  model: Model,
  requests: ReadonlyArray<GenerateRequest>,
  { sampling, stopIds, onStep, signal }: GenerateOptions,
): Promise<Generated[]> {
  checkLengths(model, requests);
  const results: Generated[] = requests.map(() => ({ tokenIds: [], finishReason: 'length' }));
  if (requests.length === 0) return results;
  const { vocab, maxPositions } = model.config;
  const longest = Math.max(...requests.map((request) => request.promptIds.length));
  let running: Running[] = requests.map(({ promptIds, seed }, index) => {
    const random = randomFrom(seed);
    return { index, draw: () => random.uniform(), tokenIds: [], promptLength: promptIds.length };
  });
  const padOf = (row: Running) => longest - row.promptLength;
  let cache: LayerCache[] | null = null;
  let input: StepInput = {
    ids: running.map((row) => [...new Array<number>(padOf(row)).fill(0), ...(requests[row.index]?.promptIds ?? [])]),
    positions: running.map((row) => Array.from({ length: longest }, (_, i) => Math.max(0, i - padOf(row)))),
    keyStart: running.map(padOf),
    cache,
  };
  try {
    while (running.length > 0) {
      await nextTurnUnlessStopped(signal, 'Generation');
      const step: { logits: tf.Tensor2D; cache: LayerCache[] } = forwardStep(model, input);
      if (cache !== null) disposeCache(cache);
      cache = step.cache;
      const logits = (await step.logits.data()) as Float32Array;
      step.logits.dispose();
      const staying: number[] = [];
      for (const [row, sequence] of running.entries()) {
        const token = sampleToken(logits.subarray(row * vocab, (row + 1) * vocab), sampling, sequence.draw());
        sequence.tokenIds.push(token);
        const isStopped = stopIds.includes(token);
        const isFull =
          sequence.tokenIds.length >= sampling.maxNewTokens ||
          sequence.promptLength + sequence.tokenIds.length >= maxPositions;
        if (isStopped || isFull)
          results[sequence.index] = { tokenIds: sequence.tokenIds, finishReason: isStopped ? 'stop' : 'length' };
        else staying.push(row);
      }
      onStep?.(staying.length);
      if (staying.length < running.length) {
        const old = cache;
        cache = selectRows(old, staying);
        disposeCache(old);
        running = staying.flatMap((row) => running[row] ?? []);
      }
      input = {
        ids: running.map((row) => [row.tokenIds.at(-1) ?? 0]),
        positions: running.map((row) => [row.promptLength + row.tokenIds.length - 1]),
        keyStart: running.map(padOf),
        cache,
      };
    }
  } finally {
    if (cache !== null) disposeCache(cache);
  }
  return results;
}
