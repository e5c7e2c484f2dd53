// How good a reward model is on pairs it never saw, beside what reply length alone would say.
import { groupBy } from '../core/groupBy.ts';
import type { Pair } from '../core/records.ts';
import { bootstrapMean } from '../stats/bootstrap.ts';
import type { Estimate } from '../stats/interval.ts';

export interface ScoredPair {
  pair: Pair;
  chosenReward: number;
  rejectedReward: number;
}

export interface AccuracyReport {
  /** Share of pairs in which the chosen reply has the higher reward; an equal reward counts one half. */
  accuracy: Estimate;
  /** The same for length alone, in the direction (longer or shorter) that was right more often in training. */
  lengthBaseline: Estimate;
}

const words = (text: string) => text.split(/\s+/).filter((word) => word !== '').length;
const halfIfEqual = (difference: number) => (difference > 0 ? 1 : difference === 0 ? 0.5 : 0);
const lengthDifference = (pair: Pair) => words(pair.chosen) - words(pair.rejected);

/** +1 where the longer reply was chosen more often in these pairs, -1 where the shorter one was. */
export function lengthDirection(trainingPairs: ReadonlyArray<Pair>): 1 | -1 {
  const longer = trainingPairs.reduce((sum, pair) => sum + halfIfEqual(lengthDifference(pair)) - 0.5, 0);
  return longer >= 0 ? 1 : -1;
}

/** Accuracies with intervals by bootstrap over prompts. @throws bad-input where there is no pair. */
export function accuracyReport(scored: ReadonlyArray<ScoredPair>, direction: 1 | -1, seed: number): AccuracyReport {
  const clusters = [...groupBy(scored, ({ pair }) => pair.promptId).values()];
  const over = (figureOf: (one: ScoredPair) => number) =>
    bootstrapMean(
      clusters.map((cluster) => cluster.map(figureOf)),
      { seed },
    );
  return {
    accuracy: over((one) => halfIfEqual(one.chosenReward - one.rejectedReward)),
    lengthBaseline: over((one) => halfIfEqual(direction * lengthDifference(one.pair))),
  };
}
