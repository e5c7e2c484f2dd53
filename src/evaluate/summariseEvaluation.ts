// From replies to an evaluation: pure, so that whoever samples and scores needs only to hand over what came.
import { groupBy } from '../core/groupBy.ts';
import type { Prompt } from '../core/records.ts';
import { bootstrapMean } from '../stats/bootstrap.ts';
import { comparePolicies } from './comparePolicies.ts';
import { type EvaluatedReply, repliesByPrompt, rewardUtility } from './evaluatedReply.ts';
import type { Evaluation } from './evaluation.ts';
import type { Interval } from './interval.ts';
import { REWARD_JUDGE, type UtilityJudge } from './judges.ts';
import { radar } from './radar.ts';
import { replyStatistics } from './replyStatistics.ts';

export interface SummariseOptions {
  model: string;
  /** Null, with no reference replies, where the model stands alone. */
  reference: string | null;
  /** Null where the replies carry no reward. */
  rewardModel: string | null;
  prompts: ReadonlyArray<Prompt>;
  replies: ReadonlyArray<EvaluatedReply>;
  referenceReplies: ReadonlyArray<EvaluatedReply> | null;
  /** The judges of the win rate; the reward model is added under 'reward model' where there is one. */
  judges: ReadonlyArray<UtilityJudge>;
  /** Whose utility the radar shows, on a scale from 0 to 1. */
  radarJudge: UtilityJudge | null;
  seed: number;
  createdAt: string;
  settings: Record<string, unknown>;
}

type PromptReplies = ReturnType<typeof repliesByPrompt>;

/** Sums up what was sampled. @throws bad-input where prompts, replies and rewards do not fit together. */
export function summariseEvaluation(options: SummariseOptions): Evaluation {
  const { model, reference, rewardModel, prompts, replies, referenceReplies, radarJudge, seed } = options;
  const judges = rewardModel === null ? options.judges : [...options.judges, REWARD_JUDGE];
  const mine = repliesByPrompt(prompts, replies);
  const theirs = referenceReplies === null ? null : repliesByPrompt(prompts, referenceReplies);
  const comparisons = judges.map(({ name, utility, tieWithin = 0 }) => ({
    name,
    comparison:
      referenceReplies === null
        ? null
        : comparePolicies({ prompts, repliesA: replies, repliesB: referenceReplies, utility, tieWithin, seed }),
  }));
  const found = comparisons.flatMap(({ name, comparison }) => (comparison === null ? [] : [{ name, comparison }]));
  return {
    model,
    reference,
    rewardModel,
    prompts: prompts.length,
    samplesPerPrompt: Math.max(...mine.map((entry) => entry.replies.length)),
    reward: rewardModel === null ? null : bootstrapMean(rewardsOf(mine), { seed }),
    rewardGain: rewardModel === null || theirs === null ? null : gainOf(mine, theirs, seed),
    winRate: Object.fromEntries(found.map(({ name, comparison }) => [name, comparison.winRate])),
    kl: klOf(mine, seed),
    replies: replyStatistics(replies),
    referenceReplies: referenceReplies === null ? null : replyStatistics(referenceReplies),
    radar:
      radarJudge === null
        ? null
        : { judge: radarJudge.name, dimensions: radar({ prompts, replies, utility: radarJudge.utility, seed }) },
    perDimension: perDimension(mine, rewardModel !== null, found),
    createdAt: options.createdAt,
    settings: options.settings,
  };
}

const mean = (values: ReadonlyArray<number>) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** [prompts][samples] */
const rewardsOf = (entries: PromptReplies): number[][] =>
  entries.map(({ prompt, replies }) => replies.map((reply) => rewardUtility(prompt, reply)));

/** Paired by prompt: what differs between prompts cancels, so the interval is of the gain alone. */
function gainOf(mine: PromptReplies, theirs: PromptReplies, seed: number): Interval {
  const theirMeans = rewardsOf(theirs).map(mean);
  return bootstrapMean(
    rewardsOf(mine).map((rewards, i) => [mean(rewards) - (theirMeans[i] ?? Number.NaN)]),
    { seed },
  );
}

/** Null unless every reply has one: a mean over some would not say of which. */
function klOf(entries: PromptReplies, seed: number): Interval | null {
  const all = entries.flatMap((entry) => entry.replies);
  if (all.some((reply) => reply.klToReference === undefined)) return null;
  return bootstrapMean(
    entries.map((entry) => entry.replies.map((reply) => reply.klToReference ?? 0)),
    { seed },
  );
}

function perDimension(
  entries: PromptReplies,
  hasReward: boolean,
  comparisons: ReadonlyArray<{ name: string; comparison: { byDimension: Record<string, number> } }>,
): Evaluation['perDimension'] {
  const rows: Evaluation['perDimension'] = [];
  for (const [dimension, group] of groupBy(entries, (entry) => entry.prompt.dimension)) {
    if (dimension === null) continue;
    const winRate: Record<string, number> = {};
    for (const { name, comparison } of comparisons) {
      const share = comparison.byDimension[dimension];
      if (share !== undefined) winRate[name] = share;
    }
    rows.push({
      dimension,
      prompts: group.length,
      reward: hasReward ? mean(rewardsOf(group).flat()) : null,
      winRate,
    });
  }
  return rows;
}
