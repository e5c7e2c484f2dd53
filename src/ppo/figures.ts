// The figures that an iteration reports about its roll-outs.
import { explainedVariance } from './advantages.ts';
import type { Lesson } from './lessons.ts';
import type { Episode } from './rollout.ts';

/** The mean; 0 of nothing. */
export const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

/** Nats of one reply: Σ log π - log π_ref over its tokens. */
const klOf = ({ logProbs, refLogProbs }: Episode) =>
  logProbs.reduce((sum, logProb, t) => sum + logProb - (refLogProbs[t] ?? 0), 0);

/** Figures of the roll-out, before anything was learned from it. */
export function rolloutFigures(lessons: ReadonlyArray<Lesson>): Record<string, number> {
  return {
    reward: mean(lessons.map((lesson) => lesson.reward)),
    kl: mean(lessons.map(klOf)),
    entropy: mean(lessons.flatMap((lesson) => lesson.entropy)),
    replyTokens: mean(lessons.map((lesson) => lesson.logProbs.length)),
    finishedShare: mean(lessons.map((lesson) => (lesson.finishReason === 'stop' ? 1 : 0))),
    explainedVariance:
      explainedVariance(
        lessons.flatMap((lesson) => lesson.values),
        lessons.flatMap((lesson) => lesson.returns),
      ) ?? 0,
  };
}
