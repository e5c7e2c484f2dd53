// The demo's settings: one small model through all four phases in minutes on two cores. Every figure stands here.
import type { z } from 'zod';
import { packagePath } from '../core/packageRoot.ts';
import type { EvaluateConfig } from '../evaluate/config.ts';
import type { PpoConfig } from '../ppo/config.ts';
import type { RewardConfig } from '../reward/config.ts';
import type { PairsConfig } from '../reward/pairsConfig.ts';
import type { CandidatesConfig } from '../sft/candidatesConfig.ts';
import type { PretrainConfig, SftConfig, TokenizerConfig } from '../sft/config.ts';

/** KL from the SFT model, in nats a reply on the held-out prompts, within which the policy must stay. */
export const KL_TARGET = 12;

const corpus = packagePath('data', 'corpus');
const prompts = packagePath('data', 'prompts.jsonl');
const TEMPERATURE = 1;
const MAX_NEW_TOKENS = 72;
const EARLY_STEP = 30;

export const demoPlan = (seed: number) => ({
  prompts,
  tokenizer: { texts: [corpus, prompts], vocabSize: 2048 } satisfies z.input<typeof TokenizerConfig>,
  pretrain: (tokenizer: string): z.input<typeof PretrainConfig> => ({
    tokenizer,
    texts: [corpus, prompts],
    layers: 2,
    epochs: 14,
    batchSize: 8,
    learningRate: 3e-3,
    beta2: 0.95,
    weightDecay: 0.01,
    validateEvery: 100,
    checkpointEvery: 200,
    seed,
  }),
  sft: (model: string): z.input<typeof SftConfig> => ({
    model,
    prompts,
    epochs: 3,
    batchSize: 8,
    learningRate: 1.5e-3,
    beta2: 0.95,
    weightDecay: 0.01,
    validateEvery: 30,
    checkpointEvery: 100,
    keepAtSteps: [EARLY_STEP],
    seed,
  }),
  candidates: (models: string[]): z.input<typeof CandidatesConfig> => ({
    models,
    prompts,
    samplesPerPrompt: 2,
    temperature: TEMPERATURE,
    maxNewTokens: MAX_NEW_TOKENS,
    batchSize: 48,
    seed,
  }),
  // The judge's rules weigh as much as two raters.
  pairs: (candidateSet: string): z.input<typeof PairsConfig> => ({ candidateSet, judgeWeight: 2, seed }),
  reward: (model: string, pairs: string): z.input<typeof RewardConfig> => ({
    model,
    pairs,
    epochs: 4,
    batchSize: 8,
    learningRate: 1e-3,
    beta2: 0.95,
    validateEvery: 20,
    checkpointEvery: 100,
    seed,
  }),
  ppo: (model: string, rewardModel: string): z.input<typeof PpoConfig> => ({
    model,
    rewardModel,
    prompts,
    iterations: 36,
    promptsPerIteration: 64,
    epochs: 2,
    minibatches: 2,
    maxNewTokens: MAX_NEW_TOKENS,
    temperature: TEMPERATURE,
    learningRate: 2e-4,
    valueLearningRate: 1e-3,
    missingEndPenalty: 3,
    klCoefficient: 0.05,
    klTarget: KL_TARGET / 2,
    klHorizon: 160,
    checkpointEvery: 10,
    seed,
  }),
  evaluate: (model: string, reference: string | undefined, rewardModel: string): z.input<typeof EvaluateConfig> => ({
    model,
    reference,
    rewardModel,
    prompts,
    samplesPerPrompt: 8,
    temperature: TEMPERATURE,
    maxNewTokens: MAX_NEW_TOKENS,
    batchSize: 60,
    seed,
  }),
});
