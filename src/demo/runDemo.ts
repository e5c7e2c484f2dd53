// `fourfold demo`: the whole job on the bundled data, phase after phase, through the same code that the commands use.
// The result is measured on prompts that nothing was trained on, and told as it is.
import { startServer } from '../../annotate-ui/server/server.ts';
import type { ArtifactOf } from '../core/artifacts.ts';
import { EvaluateConfig } from '../evaluate/config.ts';
import { type EvaluationResult, evaluateModel } from '../evaluate/evaluateModel.ts';
import type { UtilityJudge } from '../evaluate/judges.ts';
import { RULE_JUDGE } from '../evaluate/judges.ts';
import { judgeCandidates } from '../judge/judgeCandidates.ts';
import { ruleJudge } from '../judge/ruleJudge.ts';
import { PpoConfig } from '../ppo/config.ts';
import { trainPpo } from '../ppo/train.ts';
import { RewardConfig } from '../reward/config.ts';
import { buildPairs } from '../reward/pairs.ts';
import { PairsConfig } from '../reward/pairsConfig.ts';
import { trainReward } from '../reward/train.ts';
import { collectCandidates } from '../sft/candidates.ts';
import { CandidatesConfig } from '../sft/candidatesConfig.ts';
import { PretrainConfig, SftConfig, TokenizerConfig } from '../sft/config.ts';
import { pretrain } from '../sft/pretrain.ts';
import { finetune } from '../sft/sft.ts';
import { trainTokenizer } from '../sft/tokenizer.ts';
import type { Job } from '../store/job.ts';
import { goldUtility } from './goldUtility.ts';
import { countInto, PANEL, rateAll } from './panel.ts';
import { demoPlan } from './plan.ts';

/** The panel's utility without bias and noise, as a judge of replies. */
export const GOLD_JUDGE: UtilityJudge = {
  name: 'gold utility of the panel',
  utility: (prompt, reply) => goldUtility(prompt.messages, reply.text),
};

export interface DemoOutcome {
  base: ArtifactOf<'model'>;
  sft: ArtifactOf<'model'>;
  policy: ArtifactOf<'model'>;
  rewardModel: ArtifactOf<'reward-model'>;
  evaluations: Record<'base' | 'sft' | 'policy', EvaluationResult>;
}

/** Phase 2, people: the server on a free port of this machine, and the panel labeling through it. */
async function ratePanel(job: Job, set: ArtifactOf<'candidate-set'>, seed: number): Promise<void> {
  const { workspace, signal, note } = job;
  const tokens = PANEL.map((rater) => {
    // A repeated demo in the same workspace gives each rater a new token.
    if (workspace.annotators.get(rater.id) !== null) workspace.annotators.remove(rater.id);
    return workspace.annotators.add({ id: rater.id, name: rater.name, simulated: true }).token;
  });
  const server = await startServer({ workspace, candidateSetId: set.id, port: 0, note: () => undefined });
  const items = set.metrics.prompts ?? 0;
  const task = job.progress.start('rate', items * PANEL.length, 'labels');
  try {
    const onJudged = countInto(task);
    const work = PANEL.map((rater, i) =>
      rateAll({ url: server.url, rater, token: tokens[i] ?? '', seed, signal, onJudged }),
    );
    const failed = (await Promise.allSettled(work)).find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  } finally {
    task.finish();
    await server.close();
  }
  note(`${PANEL.length} simulated raters labeled ${items} items each through ${server.url}`);
}

/** Runs every phase. @throws what the phases throw; everything finished before stays in the workspace. */
export async function runDemo(job: Job, seed: number): Promise<DemoOutcome> {
  const { workspace, progress, signal } = job;
  const plan = demoPlan(seed);

  // A small base model, since none is downloaded.
  const tokenizer = await trainTokenizer(workspace, TokenizerConfig.parse(plan.tokenizer), job.path);
  const base = await pretrain(job, PretrainConfig.parse(plan.pretrain(tokenizer.id)));

  // 1. Respond: fine-tune on demonstrations; base, early and final version answer the training prompts.
  const versions = await finetune(job, SftConfig.parse(plan.sft(base.id)));
  const sft = versions.at(-1) as ArtifactOf<'model'>;
  const answering = [base.id, ...versions.map((version) => version.id)];
  const set = await collectCandidates(job, CandidatesConfig.parse(plan.candidates(answering)));

  // 2. Rate: a panel through the labeling server, and the offline judge.
  await ratePanel(job, set, seed);
  await judgeCandidates({ workspace, candidateSetId: set.id, judge: ruleJudge(), signal, progress });

  // 3. Reward: merge both kinds of judgement into pairs, train the reward model.
  const { artifact: pairs } = await buildPairs({
    workspace,
    config: PairsConfig.parse(plan.pairs(set.id)),
  });
  const rewardModel = await trainReward(job, RewardConfig.parse(plan.reward(sft.id, pairs.id)));

  // 4. Reinforce.
  const policy = await trainPpo(job, PpoConfig.parse(plan.ppo(sft.id, rewardModel.id)));

  // Measure on held-out prompts, each model against the one before it.
  const judges = [GOLD_JUDGE, RULE_JUDGE];
  const evaluate = (model: ArtifactOf<'model'>, reference?: ArtifactOf<'model'>) =>
    evaluateModel(job, EvaluateConfig.parse(plan.evaluate(model.id, reference?.id, rewardModel.id)), judges);
  const evaluations = {
    base: await evaluate(base),
    sft: await evaluate(sft, base),
    policy: await evaluate(policy, sft),
  };
  return { base, sft, policy, rewardModel, evaluations };
}
