// Win rate of one model version over another: wins and half the ties, with a bootstrap interval over prompts.
import { type BootstrapOptions, bootstrapMean } from './bootstrap.ts';
import type { Estimate } from './interval.ts';

export type MatchResult = 'win' | 'tie' | 'loss';

const POINTS: Record<MatchResult, number> = { win: 1, tie: 0.5, loss: 0 };

/** 'win' where `mine` exceeds `theirs` by more than `tieWithin`, 'loss' the other way round, 'tie' between. */
export function resultOf(mine: number, theirs: number, tieWithin = 0): MatchResult {
  const difference = mine - theirs;
  return Math.abs(difference) <= tieWithin ? 'tie' : difference > 0 ? 'win' : 'loss';
}

/**
 * (wins + ties / 2) / matches, with the interval of the cluster bootstrap.
 * @param clusters the results of one prompt in one list. @throws bad-input where there is no match.
 */
export function winRate(clusters: ReadonlyArray<ReadonlyArray<MatchResult>>, options: BootstrapOptions): Estimate {
  return bootstrapMean(
    clusters.map((results) => results.map((result) => POINTS[result])),
    options,
  );
}
