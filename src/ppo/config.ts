// Options of `fourfold ppo`. Defaults follow the published ones of today's peers where they agree.
import { z } from 'zod';
import { loraKeys } from '../training/loraConfig.ts';
import { optimizerKeys, runKeys } from '../training/optimizerConfig.ts';

export const PpoConfig = z.strictObject({
  model: z
    .string()
    .min(1)
    .describe('Chat model to improve, also the frozen reference: an id, a folder or owner/name of the hub'),
  rewardModel: z.string().min(1).describe('Reward model: an id, a folder or owner/name of the hub'),
  prompts: z
    .string()
    .min(1)
    .describe('A JSON Lines file or the id of a prompt set; only its training prompts are used'),
  iterations: z.int().min(1).default(100).describe('Roll-outs followed by optimisation'),
  promptsPerIteration: z.int().min(1).default(32).describe('Prompts answered in one iteration'),
  epochs: z.int().min(1).default(4).describe('Passes over the replies of one iteration'),
  minibatches: z.int().min(1).default(1).describe('Optimiser steps of one pass'),
  maxNewTokens: z.int().min(1).default(64).describe('Longest reply in tokens'),
  temperature: z.number().gt(0).default(1).describe('Temperature of the roll-outs, and of every log-probability'),
  gamma: z.number().min(0).max(1).default(1).describe('Discount'),
  lambda: z.number().min(0).max(1).default(0.95).describe('Of generalised advantage estimation'),
  clipRange: z.number().gt(0).default(0.2).describe('Clipping of the policy ratio'),
  valueClipRange: z.number().gt(0).default(0.2).describe('Clipping of the value change'),
  valueLearningRate: z.number().gt(0).optional().describe("The critic's peak learning rate; the policy's where absent"),
  whitenAdvantages: z
    .boolean()
    .default(true)
    .describe('Advantages of mean 0 and variance 1 over the tokens of an iteration'),
  normalizeReward: z.boolean().default(true).describe("Rewards less the reward model's mean, over its deviation"),
  rewardClip: z.number().gt(0).default(10).describe('Largest reward after normalising, either sign'),
  missingEndPenalty: z.number().min(0).default(1).describe('Taken off the reward of a reply that ran out of tokens'),
  klCoefficient: z
    .number()
    .min(0)
    .default(0.05)
    .describe('Penalty a nat of divergence from the chat model; its start where adaptive'),
  klTarget: z
    .number()
    .gt(0)
    .optional()
    .describe('Nats a reply that the adaptive controller aims at; the coefficient is fixed where absent'),
  klHorizon: z.number().gt(0).default(10_000).describe('Replies over which the controller acts'),
  schedule: z.enum(['constant', 'linear', 'cosine']).default('linear').describe('Learning rate over the iterations'),
  warmupIterations: z.int().min(0).default(0).describe('Iterations in which the learning rate rises'),
  maxRunning: z.int().min(1).default(64).describe('Replies decoded at once'),
  forwardBatchSize: z.int().min(1).default(32).describe('Sequences in one forward pass without gradients'),
  ...loraKeys,
  ...optimizerKeys,
  learningRate: z.number().gt(0).default(3e-6).describe("The policy's peak learning rate"),
  ...runKeys,
  checkpointEvery: z.int().min(0).default(10).describe('Iterations between checkpoints; 0: only when stopped'),
});
export type PpoConfig = z.output<typeof PpoConfig>;
