// How far raters are apart on an item, and how close a judge finds its replies. Pure.
import type { CandidateId } from '../../../src/core/ids.ts';
import type { Judgement, Outcome, Scores } from '../../../src/core/records.ts';

/** What a rater said, as far as it is compared with others. */
export interface Said {
  ratings: Readonly<Record<CandidateId, Scores>>;
  comparison: Outcome;
}

export interface Disagreement {
  /** 0 (all say the same) to 1: the greater of the share of disagreeing pairs and of scoreRange / 4. */
  value: number;
  /** Share of the pairs of raters who name different replies best, a tie being an answer of its own. */
  comparison: number;
  /** Widest range of the scores given to one reply on one criterion, in points. */
  scoreRange: number;
}

/** From here on an item counts as in dispute: half of the pairs of raters differ, or two points on the scale. */
export const DISPUTE_FROM = 0.5;

const answerOf = ({ comparison }: Said): string | null =>
  comparison.kind === 'best' ? comparison.candidateId : comparison.kind === 'tie' ? '' : null;

export function disagreementOf(raters: ReadonlyArray<Said>): Disagreement {
  const answers = raters.map(answerOf).filter((answer) => answer !== null);
  let differing = 0;
  for (const [i, a] of answers.entries()) for (const b of answers.slice(i + 1)) if (a !== b) differing++;
  const pairs = (answers.length * (answers.length - 1)) / 2;
  const comparison = pairs === 0 ? 0 : differing / pairs;

  const ranges = new Map<string, { low: number; high: number }>();
  for (const { ratings } of raters) {
    for (const [candidateId, scores] of Object.entries(ratings)) {
      for (const [criterion, score] of Object.entries(scores)) {
        const key = `${candidateId} ${criterion}`;
        const range = ranges.get(key);
        if (range === undefined) ranges.set(key, { low: score, high: score });
        else {
          range.low = Math.min(range.low, score);
          range.high = Math.max(range.high, score);
        }
      }
    }
  }
  const scoreRange = [...ranges.values()].reduce((widest, { low, high }) => Math.max(widest, high - low), 0);
  return { value: Math.max(comparison, scoreRange / 4), comparison, scoreRange };
}

const meanOf = (scores: Scores) => {
  const values = Object.values(scores);
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
};

/** Points between the two best replies below which a judge's verdict counts as close. */
const CLOSE_WITHIN = 0.5;

/** Whether a judge called the item a tie or rated its two best replies nearly alike. */
export function isCloseFor({ ratings, comparison }: Pick<Judgement, 'ratings' | 'comparison'>): boolean {
  if (comparison.kind === 'tie') return true;
  if (comparison.kind !== 'best') return false;
  const [first, second] = Object.values(ratings)
    .map(meanOf)
    .sort((a, b) => b - a);
  return first !== undefined && second !== undefined && first - second < CLOSE_WITHIN;
}
