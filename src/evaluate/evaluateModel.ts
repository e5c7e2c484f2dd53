// `fourfold evaluate`: sample, score, compare, keep.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactOf } from '../core/artifacts.ts';
import { FourfoldError } from '../core/errors.ts';
import { toJsonl } from '../core/jsonl.ts';
import type { Prompt } from '../core/records.ts';
import type { Job } from '../store/job.ts';
import { type ModelReference, modelFolders, resolveModel, resolvePrompts } from '../store/references.ts';
import { type ContractHolder, contractDifferences, requireSameContract } from '../tokens/contract.ts';
import { loadTokenizer } from '../tokens/tokenizer.ts';
import type { EvaluateConfig } from './config.ts';
import type { EvaluatedReply } from './evaluatedReply.ts';
import { type Evaluation, evaluationMetrics } from './evaluation.ts';
import { RULE_JUDGE, type UtilityJudge } from './judges.ts';
import { sampleReplies } from './sampleReplies.ts';
import { summariseEvaluation } from './summariseEvaluation.ts';

export interface EvaluationResult {
  artifact: ArtifactOf<'evaluation'>;
  evaluation: Evaluation;
  prompts: Prompt[];
  replies: EvaluatedReply[];
}

const STOPPED =
  'Stopped. An evaluation is kept only when it is whole; run the same command again for the same replies and figures.';

/** How a model reads text. */
const holderOf = async ({ name, dir }: ModelReference): Promise<ContractHolder> => ({
  name,
  parts: (await loadTokenizer(dir)).contractParts,
});

/** Rewards and divergences are computed on token ids, which mean the same only under one tokenizer and template. */
async function readsAlike(one: ModelReference, other: ModelReference): Promise<boolean> {
  return contractDifferences((await holderOf(one)).parts, (await holderOf(other)).parts).length === 0;
}

/** @throws bad-model naming both where the reward model reads text otherwise than a model that it is to judge. */
async function checkReward(reward: ModelReference, models: ReadonlyArray<ModelReference>): Promise<void> {
  for (const model of models) {
    requireSameContract(
      await holderOf(model),
      await holderOf(reward),
      'The rewards would be wrong. Name a reward model that was trained from a version of the same chat model.',
    );
  }
}

/**
 * Evaluates a model on prompts and keeps evaluation.json and samples.jsonl.
 * The KL is measured where model and reference have one tokenizer and template, else null.
 * @throws not-found, bad-input, bad-model, too-long, interrupted
 * @param judges who tells the win rate; the first one's utility is the radar's
 */
export async function evaluateModel(
  job: Job,
  config: EvaluateConfig,
  judges: ReadonlyArray<UtilityJudge> = [RULE_JUDGE],
): Promise<EvaluationResult> {
  const { workspace, signal } = job;
  const model = resolveModel(workspace, config.model, job.path, 'model');
  const reference =
    config.reference === undefined ? null : resolveModel(workspace, config.reference, job.path, 'model');
  const reward =
    config.rewardModel === undefined ? null : resolveModel(workspace, config.rewardModel, job.path, 'reward-model');
  const promptSet = await resolvePrompts(workspace, config.prompts, job.path);
  const prompts = promptSet.prompts.filter((prompt) => config.split === 'all' || prompt.split === config.split);
  if (prompts.length === 0)
    throw new FourfoldError('bad-input', `Expected prompts of the split ${config.split}, got none.`);
  if (reward !== null) await checkReward(reward, reference === null ? [model] : [model, reference]);
  const isComparable = reference !== null && (await readsAlike(model, reference));
  if (reference !== null && !isComparable)
    job.note(`${reference.name} reads text otherwise than ${model.name}: the KL between them is not measured`);
  const folders = await modelFolders({ model, reference, rewardModel: reward });
  const perModel = prompts.length * config.samplesPerPrompt;
  const task = job.progress.start('evaluate', perModel * (reference === null ? 1 : 2), 'replies');
  const rewardDir = reward?.dir ?? null;
  const common = { rewardDir, prompts, config, signal };
  let replies: EvaluatedReply[];
  let referenceReplies: EvaluatedReply[] | null = null;
  try {
    const onProgress = (done: number) => task.update(done);
    replies = await sampleReplies({
      ...common,
      dir: model.dir,
      referenceDir: isComparable ? reference.dir : null,
      onProgress,
    });
    if (reference !== null) {
      const onMore = (done: number) => task.update(perModel + done);
      referenceReplies = await sampleReplies({ ...common, dir: reference.dir, referenceDir: null, onProgress: onMore });
    }
  } catch (error) {
    throw error instanceof FourfoldError && error.code === 'interrupted'
      ? new FourfoldError('interrupted', STOPPED, { cause: error })
      : error;
  } finally {
    task.finish();
  }
  const evaluation = summariseEvaluation({
    model: model.name,
    reference: reference?.name ?? null,
    rewardModel: reward?.name ?? null,
    prompts,
    replies,
    referenceReplies,
    judges,
    radarJudge: prompts.some((prompt) => prompt.dimension !== null) ? (judges[0] ?? null) : null,
    seed: config.seed,
    createdAt: new Date().toISOString(),
    settings: { ...config },
  });
  const artifact = await workspace.artifacts.create(
    {
      kind: 'evaluation',
      parents: [model, reference, reward].flatMap((found) => found?.artifact?.id ?? []).concat(promptSet.artifact.id),
      seed: config.seed,
      config: { ...config, ...folders },
      engine: job.engine,
      round: model.artifact?.round ?? 1,
      runId: null,
      metrics: evaluationMetrics(evaluation),
    },
    async (dir) => {
      await writeFile(join(dir, 'evaluation.json'), `${JSON.stringify(evaluation, null, 1)}\n`);
      await writeFile(join(dir, 'samples.jsonl'), toJsonl(replies));
    },
  );
  return { artifact, evaluation, prompts, replies };
}
