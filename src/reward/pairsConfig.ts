// Options of `fourfold pairs`. Light on purpose: the command line reads it before anything else is loaded.
import { z } from 'zod';
import { CRITERIA } from '../core/records.ts';

const weight = z.number().min(0);

/** How judgements become one preference; the formulas are in merge.ts and preferences.ts. */
export const MergeConfig = z.strictObject({
  criterionWeights: z
    .record(z.string().min(1), weight)
    .default(Object.fromEntries(CRITERIA.map((criterion) => [criterion, 1])))
    .describe('Weight of each criterion in the utility of a rating; a criterion not named here does not count'),
  comparisonWeight: weight.default(1).describe('Weight of "this one is best" beside the standardised ratings'),
  tieShrink: z.number().min(0).max(1).default(0.5).describe('How far an explicit tie pulls rated differences to 0'),
  humanWeight: weight.default(1).describe('Weight of each human source'),
  judgeWeight: weight.default(0.5).describe('Weight of each judge'),
  scale: z.number().gt(0).default(1.5).describe('Soft label = logistic(scale × margin)'),
  minMargin: weight
    .default(0)
    .describe('Pairs with a smaller margin are left out; 0 keeps ties, at a soft label of 0.5'),
  pairsPerPrompt: z.int().min(0).default(0).describe('Keep this many pairs of each prompt, the best separated; 0: all'),
  heldoutFraction: z.number().min(0).max(0.9).default(0.15).describe('Share of the prompts whose pairs are held out'),
});
export type MergeConfig = z.infer<typeof MergeConfig>;

export const PairsConfig = MergeConfig.extend({
  candidateSet: z.string().default('latest').describe('Candidate set whose judgements are merged: an id, or latest'),
  sources: z
    .array(z.string().min(1))
    .default([])
    .describe('Only these sources, as human:ID or judge:NAME; default: all of them'),
  ignoreGate: z
    .boolean()
    .default(false)
    .describe('Build pairs though raters agree less than the project’s gate asks; recorded in the card'),
  seed: z.int().default(1).describe('Seed of the split into train and held-out prompts'),
});
export type PairsConfig = z.infer<typeof PairsConfig>;
