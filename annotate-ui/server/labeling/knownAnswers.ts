// Items whose answer is known, in the qualification round and hidden among the others. Pure.
import type { KnownAnswer } from '../../../src/core/annotation/project.ts';
import type { CandidateId } from '../../../src/core/ids.ts';
import type { Said } from './disagreement.ts';

/**
 * Share of the checked parts that the answer has right, 0 to 1: each stated score, within the tolerance, and the best
 * reply, exactly. A skip has nothing right.
 */
export function scoreAnswer(known: KnownAnswer, { ratings, comparison }: Said): number {
  let right = 0;
  let checked = 0;
  for (const [candidateId, scores] of Object.entries(known.ratings ?? {})) {
    for (const [criterion, expected] of Object.entries(scores)) {
      const given = ratings[candidateId as CandidateId]?.[criterion];
      checked++;
      if (given !== undefined && Math.abs(given - expected) <= known.tolerance) right++;
    }
  }
  if (known.best !== undefined) {
    const given = comparison.kind === 'best' ? comparison.candidateId : comparison.kind === 'tie' ? null : undefined;
    checked++;
    if (given === known.best) right++;
  }
  return checked === 0 ? 1 : right / checked;
}

/** Mean of the scores, or null where there is none. */
export function meanScore(scores: ReadonlyArray<number>): number | null {
  return scores.length === 0 ? null : scores.reduce((sum, score) => sum + score, 0) / scores.length;
}
