// Options of `fourfold reward`.
import { z } from 'zod';
import { loraKeys } from '../training/loraConfig.ts';
import { optimizerKeys, runKeys } from '../training/optimizerConfig.ts';

export const RewardConfig = z.strictObject({
  model: z
    .string()
    .min(1)
    .describe('Language model whose trunk the reward model starts from: an id, a folder or owner/name of the hub'),
  pairs: z.string().min(1).optional().describe('Pair set; the newest where absent'),
  epochs: z.number().gt(0).default(1).describe('Passes over the pairs'),
  batchSize: z.int().min(1).default(8).describe('Prompts an optimiser step; all pairs of a prompt go together'),
  gradientAccumulation: z.int().min(1).default(1).describe('Micro-batches a step'),
  warmupRatio: z.number().min(0).max(1).default(0.05).describe('Share of the steps in which the learning rate rises'),
  schedule: z.enum(['constant', 'linear', 'cosine']).default('cosine').describe('Learning rate after the rise'),
  validateEvery: z.int().min(0).default(25).describe('Steps between validations; 0: only at the end'),
  maxLength: z
    .int()
    .min(2)
    .default(1024)
    .describe('Longest conversation in tokens; longer pairs are left out and counted'),
  centering: z.number().min(0).default(0.01).describe('Weight of the pull of the mean reward towards 0'),
  useMargin: z.boolean().default(false).describe('Ask for at least the margin that the judgements have'),
  ...loraKeys,
  ...optimizerKeys,
  learningRate: z.number().gt(0).default(1e-4).describe('Peak learning rate'),
  ...runKeys,
});
export type RewardConfig = z.output<typeof RewardConfig>;
