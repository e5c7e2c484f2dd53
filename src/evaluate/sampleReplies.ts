// Replies of a model to the evaluated prompts, with reward and divergence from a reference.
import { FourfoldError } from '../core/errors.ts';
import { seedOf } from '../core/random.ts';
import type { Prompt } from '../core/records.ts';
import { generate } from '../generate/generate.ts';
import type { Sequence } from '../model/batch.ts';
import { loadModel } from '../model/model.ts';
import { scoreSequences, sequenceLogProbs } from '../model/score.ts';
import { renderPrompt } from '../tokens/rendering.ts';
import { loadTokenizer } from '../tokens/tokenizer.ts';
import type { EvaluateConfig } from './config.ts';
import type { EvaluatedReply } from './evaluatedReply.ts';

export interface SampleRepliesOptions {
  /** Folder of the model. */
  dir: string;
  /** Folder of the model from which the divergence is measured, or null. */
  referenceDir: string | null;
  /** Folder of the reward model, or null. */
  rewardDir: string | null;
  prompts: ReadonlyArray<Prompt>;
  config: EvaluateConfig;
  signal: AbortSignal;
  /** Called with the number of replies that are there. */
  onProgress?: (done: number) => void;
}

interface Drawn {
  prompt: Prompt;
  sequence: Sequence;
  text: string;
  tokens: number;
  /** Σ log π over the reply, at the temperature at which it was drawn (1 for greedy). */
  logProb: number;
  finishReason: 'stop' | 'length';
}

/** @throws too-long naming the first prompt that leaves no room for a reply. */
function checkFit(requests: ReadonlyArray<{ prompt: Prompt; promptIds: number[] }>, context: number): void {
  const long = requests.find(({ promptIds }) => promptIds.length >= context);
  if (long === undefined) return;
  throw new FourfoldError(
    'too-long',
    `Prompt ${long.prompt.id}: expected fewer tokens than the model's context of ${context}, got ` +
      `${long.promptIds.length}. Shorten or remove it.`,
  );
}

async function draw({ dir, prompts, config, signal, onProgress }: SampleRepliesOptions): Promise<Drawn[]> {
  const { temperature, topK, topP, maxNewTokens, samplesPerPrompt, batchSize, seed } = config;
  const tokenizer = await loadTokenizer(dir);
  const requests = prompts.flatMap((prompt) => {
    const promptIds = renderPrompt(tokenizer, prompt.messages);
    return Array.from({ length: samplesPerPrompt }, (_, i) => ({
      prompt,
      promptIds,
      seed: seedOf(seed, 'evaluate', prompt.id, i),
    }));
  });
  const model = await loadModel(dir, 'causal-lm');
  try {
    checkFit(requests, model.config.maxPositions);
    let done = 0;
    const replies = await generate(model, requests, {
      sampling: { temperature, topK, topP, maxNewTokens },
      ...{ stopIds: tokenizer.stopIds, maxRunning: batchSize, signal },
      onReply: () => onProgress?.(++done),
    });
    return replies.map(({ tokenIds, logProbs, finishReason }, i) => {
      const { prompt, promptIds } = requests[i] as (typeof requests)[number];
      const isResponseToken = [...promptIds.map(() => false), ...tokenIds.map(() => true)];
      return {
        prompt,
        sequence: { ids: [...promptIds, ...tokenIds], isResponseToken },
        text: tokenizer.decode(tokenIds).trim(),
        tokens: tokenIds.length,
        logProb: logProbs.reduce((sum, value) => sum + value, 0),
        finishReason,
      };
    });
  } finally {
    model.dispose();
  }
}

/** Σ log π over each reply, at the temperature at which it was drawn (1 for greedy). */
async function logProbsBy(
  dir: string,
  sequences: ReadonlyArray<Sequence>,
  { config: { temperature, batchSize }, signal }: SampleRepliesOptions,
): Promise<number[]> {
  const model = await loadModel(dir, 'causal-lm');
  try {
    const results = await sequenceLogProbs(model, sequences, {
      batchSize,
      temperature: temperature === 0 ? 1 : temperature,
      signal,
    });
    return results.map(({ logProb }) => logProb);
  } finally {
    model.dispose();
  }
}

async function rewardsBy(
  dir: string,
  sequences: ReadonlyArray<Sequence>,
  { config, signal }: SampleRepliesOptions,
): Promise<number[]> {
  const model = await loadModel(dir, 'scalar');
  try {
    return await scoreSequences(model, sequences, config.batchSize, signal);
  } finally {
    model.dispose();
  }
}

/** Samples replies; the same seed gives the same replies, prompt by prompt. @throws as generate and loadModel. */
export async function sampleReplies(options: SampleRepliesOptions): Promise<EvaluatedReply[]> {
  const drawn = await draw(options);
  const sequences = drawn.map(({ sequence }) => sequence);
  const { referenceDir, rewardDir } = options;
  const theirs = referenceDir === null ? null : await logProbsBy(referenceDir, sequences, options);
  const rewards = rewardDir === null ? null : await rewardsBy(rewardDir, sequences, options);
  return drawn.map(({ prompt, text, tokens, logProb, finishReason }, i) => ({
    promptId: prompt.id,
    text,
    tokens,
    finishReason,
    ...(rewards === null ? {} : { reward: rewards[i] ?? Number.NaN }),
    ...(theirs === null ? {} : { klToReference: logProb - (theirs[i] ?? Number.NaN) }),
  }));
}
