// Options of `fourfold pretrain` and `fourfold sft`.
import { z } from 'zod';
import { loraKeys } from '../training/loraConfig.ts';
import { optimizerKeys, runKeys } from '../training/optimizerConfig.ts';

const loopKeys = {
  batchSize: z.int().min(1).default(16).describe('Examples an optimiser step'),
  gradientAccumulation: z
    .int()
    .min(1)
    .default(1)
    .describe('Micro-batches a step; the result is the same, the memory less'),
  warmupRatio: z.number().min(0).max(1).default(0.05).describe('Share of the steps in which the learning rate rises'),
  schedule: z.enum(['constant', 'linear', 'cosine']).default('cosine').describe('Learning rate after the rise'),
  validateEvery: z.int().min(0).default(25).describe('Steps between validations; 0: only at the end'),
  validationFraction: z
    .number()
    .min(0)
    .max(0.5)
    .default(0.05)
    .describe('Share of the training data kept for the validation loss'),
};

export const SftConfig = z.strictObject({
  model: z.string().min(1).describe('Model to fine-tune: an id, a folder or owner/name of the hub'),
  prompts: z.string().min(1).describe('Prompts with demonstrations: a JSON Lines file or the id of a prompt set'),
  epochs: z.number().gt(0).default(3).describe('Passes over the demonstrations'),
  lossOn: z
    .enum(['reply', 'conversation'])
    .default('reply')
    .describe("Learn the demonstration alone, or every assistant's turn of its conversation"),
  maxLength: z.int().min(2).default(1024).describe('Longest example in tokens; longer ones are left out and counted'),
  keepAtSteps: z.array(z.int().min(1)).default([]).describe('Steps at which the model is kept as a version of its own'),
  ...loopKeys,
  ...loraKeys,
  ...optimizerKeys,
  ...runKeys,
});
export type SftConfig = z.output<typeof SftConfig>;

export const PretrainConfig = z.strictObject({
  tokenizer: z.string().min(1).describe("A tokenizer's id, a folder with tokenizer.json, or owner/name of the hub"),
  texts: z.array(z.string().min(1)).min(1).describe('Plain text files or folders of .txt files'),
  hidden: z.int().min(8).default(128).describe('Width of the model'),
  layers: z.int().min(1).default(4).describe('Number of layers'),
  heads: z.int().min(1).default(4).describe('Attention heads'),
  kvHeads: z.int().min(1).default(2).describe('Key and value heads'),
  intermediate: z.int().min(8).default(344).describe('Width of the feed-forward layer'),
  maxPositions: z.int().min(8).default(256).describe('Context in tokens'),
  epochs: z.number().gt(0).default(3).describe('Passes over the text'),
  blockLength: z.int().min(8).default(64).describe('Tokens an example'),
  ...loopKeys,
  ...optimizerKeys,
  learningRate: z.number().gt(0).default(2e-3).describe('Peak learning rate'),
  ...runKeys,
});
export type PretrainConfig = z.output<typeof PretrainConfig>;

export const TokenizerConfig = z.strictObject({
  texts: z.array(z.string().min(1)).min(1).describe('Text files, .jsonl prompt files, or folders of .txt files'),
  vocabSize: z.int().min(262).default(1024).describe('Entries in all: special tokens, 256 bytes, merges'),
});
export type TokenizerConfig = z.output<typeof TokenizerConfig>;
