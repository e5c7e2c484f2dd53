// An evaluation as it is stored (evaluation.json): what was measured of a model on which prompts, against what.
import { z } from 'zod';
import type { Artifact, ArtifactOf } from '../core/artifacts.ts';
import { parseJson, parseWith, readTextFile } from '../core/jsonl.ts';
import { Interval } from './interval.ts';
import { ReplyStatistics } from './replyStatistics.ts';

export const Evaluation = z.strictObject({
  /** Ids of artefacts, or the name of a model behind a server. */
  model: z.string().min(1),
  reference: z.string().min(1).nullable(),
  rewardModel: z.string().min(1).nullable(),
  prompts: z.int().min(1),
  samplesPerPrompt: z.int().min(1),
  /** Mean reward of the replies, null without a reward model. */
  reward: Interval.nullable(),
  /** Mean over the prompts of reward minus the reference's reward on the same prompt, null without a reference. */
  rewardGain: Interval.nullable(),
  /** Win rate over the reference, by judge. */
  winRate: z.record(z.string(), Interval),
  /** KL from the reference, nats a reply, null where it was not measured. */
  kl: Interval.nullable(),
  replies: ReplyStatistics,
  referenceReplies: ReplyStatistics.nullable(),
  /** Mean utility by dimension, and whose utility it is. */
  radar: z.strictObject({ judge: z.string(), dimensions: z.record(z.string(), Interval) }).nullable(),
  perDimension: z.array(
    z.strictObject({
      dimension: z.string(),
      prompts: z.int(),
      reward: z.number().nullable(),
      /** By judge. */
      winRate: z.record(z.string(), z.number()),
    }),
  ),
  createdAt: z.iso.datetime(),
  settings: z.record(z.string(), z.unknown()),
});
export type Evaluation = z.infer<typeof Evaluation>;

/** Reads an evaluation.json. @throws not-found, bad-input. */
export async function readEvaluation(path: string): Promise<Evaluation> {
  return parseWith(Evaluation, parseJson(await readTextFile(path), path), path);
}

/** What an evaluation's card says in figures. */
export function evaluationMetrics(evaluation: Evaluation): Record<string, number> {
  const { reward, kl, winRate, replies } = evaluation;
  return {
    ...(reward === null ? {} : { reward: reward.value }),
    ...(kl === null ? {} : { kl: kl.value }),
    ...Object.fromEntries(Object.entries(winRate).map(([judge, { value }]) => [`winRate ${judge}`, value])),
    words: replies.words,
    stopShare: replies.stopShare,
  };
}

/** What of a workspace's artefacts the history needs. */
interface EvaluationFolder {
  list(kind: 'evaluation'): ArtifactOf<'evaluation'>[];
  dir(artifact: Artifact): string;
}

/** All evaluations of a workspace, oldest first. @throws bad-input for one that is not readable. */
export async function evaluationHistory(
  artifacts: EvaluationFolder,
): Promise<Array<{ id: string; evaluation: Evaluation }>> {
  const history: Array<{ id: string; evaluation: Evaluation }> = [];
  for (const artifact of artifacts.list('evaluation')) {
    const evaluation = await readEvaluation(`${artifacts.dir(artifact)}/evaluation.json`);
    history.push({ id: artifact.id, evaluation });
  }
  return history.sort((a, b) => a.evaluation.createdAt.localeCompare(b.evaluation.createdAt));
}
