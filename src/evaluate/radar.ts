// Mean utility by dimension: the figures behind the radar chart.
import { groupBy } from '../core/groupBy.ts';
import type { Prompt } from '../core/records.ts';
import { bootstrapMean } from '../stats/bootstrap.ts';
import { type EvaluatedReply, repliesByPrompt, type Utility } from './evaluatedReply.ts';
import type { Interval } from './interval.ts';

export interface RadarOptions {
  prompts: ReadonlyArray<Prompt>;
  replies: ReadonlyArray<EvaluatedReply>;
  utility: Utility;
  seed: number;
}

/**
 * Mean utility of the replies by dimension, dimensions in order of first appearance, each with a 95 % bootstrap
 * interval over its prompts. Prompts without a dimension are left out.
 */
export function radar({ prompts, replies, utility, seed }: RadarOptions): Record<string, Interval> {
  const groups = groupBy(repliesByPrompt(prompts, replies), (entry) => entry.prompt.dimension);
  const means: Record<string, Interval> = {};
  for (const [dimension, group] of groups) {
    if (dimension === null) continue;
    means[dimension] = bootstrapMean(
      group.map((entry) => entry.replies.map((reply) => utility(entry.prompt, reply))),
      { confidence: 0.95, resamples: 2000, seed },
    );
  }
  return means;
}
