// Win rate of one model over another on the same prompts, as one judge sees it.
import { groupBy } from '../core/groupBy.ts';
import type { PromptId } from '../core/ids.ts';
import type { Prompt } from '../core/records.ts';
import { bootstrapMean } from '../stats/bootstrap.ts';
import { resultOf } from '../stats/winRate.ts';
import { type EvaluatedReply, repliesByPrompt, type Utility } from './evaluatedReply.ts';
import type { Interval } from './interval.ts';

export interface PolicyComparison {
  winRate: Interval;
  /** Pairs of samples, over all prompts. */
  wins: number;
  ties: number;
  losses: number;
  /** Share of the pairs that the first model won, a tie counting one half, in the prompts' order. */
  perPrompt: Array<{ promptId: PromptId; dimension: string | null; share: number }>;
  /** Mean of the shares by dimension. */
  byDimension: Record<string, number>;
}

export interface ComparePoliciesOptions {
  prompts: ReadonlyArray<Prompt>;
  repliesA: ReadonlyArray<EvaluatedReply>;
  repliesB: ReadonlyArray<EvaluatedReply>;
  utility: Utility;
  /** Utilities that differ by no more are a tie; default 0. */
  tieWithin?: number;
  seed: number;
  /** Coverage of the interval, default 0.95. */
  confidence?: number;
  /** Default 2000. */
  resamples?: number;
}

/**
 * Compares every sample of A with every sample of B on the same prompt. A prompt's share is the mean over its pairs
 * of 1[u(a) > u(b)] + 1/2 1[u(a) = u(b)], equal meaning within `tieWithin`; the win rate is the mean of the shares, with a percentile bootstrap
 * interval that draws whole prompts, because samples of one prompt are not independent.
 * @throws bad-input where a prompt lacks replies of either.
 */
export function comparePolicies(options: ComparePoliciesOptions): PolicyComparison {
  const { prompts, repliesA, repliesB, utility, seed, confidence = 0.95, resamples = 2000, tieWithin = 0 } = options;
  const counts = { win: 0, tie: 0, loss: 0 };
  const theirs = repliesByPrompt(prompts, repliesB);
  const perPrompt = repliesByPrompt(prompts, repliesA).map(({ prompt, replies }, i) => {
    const utilitiesB = (theirs[i]?.replies ?? []).map((reply) => utility(prompt, reply));
    let points = 0;
    for (const reply of replies) {
      const utilityA = utility(prompt, reply);
      for (const utilityB of utilitiesB) {
        const result = resultOf(utilityA, utilityB, tieWithin);
        counts[result] += 1;
        points += result === 'win' ? 1 : result === 'tie' ? 0.5 : 0;
      }
    }
    return { promptId: prompt.id, dimension: prompt.dimension, share: points / (replies.length * utilitiesB.length) };
  });
  return {
    winRate: bootstrapMean(
      perPrompt.map(({ share }) => [share]),
      { confidence, resamples, seed },
    ),
    wins: counts.win,
    ties: counts.tie,
    losses: counts.loss,
    perPrompt,
    byDimension: meanByDimension(perPrompt),
  };
}

function meanByDimension(shares: PolicyComparison['perPrompt']): Record<string, number> {
  const means: Record<string, number> = {};
  for (const [dimension, group] of groupBy(shares, (entry) => entry.dimension)) {
    if (dimension !== null) means[dimension] = group.reduce((sum, { share }) => sum + share, 0) / group.length;
  }
  return means;
}
