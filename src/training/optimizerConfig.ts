// The optimisation settings that all trainers share, as configuration keys.
import { z } from 'zod';
import { engineKeys } from '../core/backendName.ts';

export const optimizerKeys = {
  learningRate: z.number().gt(0).default(2e-5).describe('Peak learning rate'),
  weightDecay: z.number().min(0).default(0).describe('Decoupled weight decay of matrices'),
  beta1: z.number().min(0).lt(1).default(0.9).describe("Decay of AdamW's first moment"),
  beta2: z.number().min(0).lt(1).default(0.999).describe("Decay of AdamW's second moment"),
  epsilon: z.number().gt(0).default(1e-8).describe("AdamW's epsilon"),
  gradientCheckpointing: z
    .boolean()
    .default(false)
    .describe('Compute the activations of a layer again in the backward pass: less memory, a third more time'),
  maxGradNorm: z.number().gt(0).default(1).describe('Gradients are scaled down to this global norm'),
};

export const runKeys = {
  seed: z.int().min(0).default(0).describe('Seed of everything random'),
  ...engineKeys,
  checkpointEvery: z.int().min(0).default(50).describe('Steps between checkpoints; 0: only when stopped'),
  resume: z.string().min(1).optional().describe('Go on with this run, under the configuration it was started with'),
};
