// Options of `fourfold evaluate`.
import { z } from 'zod';
import { engineKeys } from '../core/backendName.ts';
import { SPLITS } from '../core/records.ts';

export const EvaluateConfig = z.strictObject({
  model: z.string().min(1).describe('Model to evaluate: an id, a folder or owner/name of the hub'),
  reference: z
    .string()
    .min(1)
    .optional()
    .describe('Model to compare it with: an id, a folder or owner/name of the hub'),
  rewardModel: z.string().min(1).optional().describe('Reward model: an id, a folder or owner/name of the hub'),
  prompts: z.string().min(1).describe('A JSON Lines file or the id of a prompt set'),
  split: z
    .enum([...SPLITS, 'all'])
    .default('heldout')
    .describe('Which prompts are answered'),
  samplesPerPrompt: z.int().min(1).default(2).describe('Replies to each prompt'),
  temperature: z.number().min(0).default(1).describe('0 is greedy'),
  topK: z.int().min(0).default(0).describe('0: off'),
  topP: z.number().gt(0).max(1).default(1).describe('1: off'),
  maxNewTokens: z.int().min(1).default(128).describe('Longest reply in tokens'),
  batchSize: z.int().min(1).default(32).describe('Replies decoded or scored together'),
  seed: z.int().min(0).default(0).describe('Seed of the draws and of the bootstrap'),
  ...engineKeys,
});
export type EvaluateConfig = z.output<typeof EvaluateConfig>;
