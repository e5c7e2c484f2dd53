// `fourfold ppo`: proximal policy optimisation against a reward model with a KL penalty, in the paper's order.
// Schulman et al. (2017), algorithm 1; for language Ziegler et al. (2019) and Ouyang et al. (2022).
import { z } from 'zod';
import type { ArtifactOf } from '../core/artifacts.ts';
import { FourfoldError } from '../core/errors.ts';
import { AdamW } from '../engine/adamW.ts';
import { isAdapterFolder } from '../model/lora/peftFolder.ts';
import { type LoraRequest, loadTrainable } from '../model/lora/trainable.ts';
import { loadModel, type Model, type ModelHead, saveModel } from '../model/model.ts';
import { decays } from '../model/parameters.ts';
import { sharedBases } from '../model/sharedBases.ts';
import { errorOfRun, type Job, openRun } from '../store/job.ts';
import { type ModelReference, madeByRun, modelFolders, resolveModel, resolvePrompts } from '../store/references.ts';
import type { Run } from '../store/runs.ts';
import { requireSameContract } from '../tokens/contract.ts';
import { renderPrompt } from '../tokens/rendering.ts';
import { loadTokenizer, type Tokenizer } from '../tokens/tokenizer.ts';
import { restoreCheckpoint, writeCheckpoint } from '../training/checkpoint.ts';
import { learningRateAt } from '../training/learningRate.ts';
import { loraRequestOf } from '../training/loraConfig.ts';
import { stepRecorder } from '../training/stepRecorder.ts';
import { examplesOfStep } from '../training/supervised.ts';
import type { PpoConfig } from './config.ts';
import { rolloutFigures } from './figures.ts';
import { klController } from './klController.ts';
import { lessonsOf } from './lessons.ts';
import { optimize } from './optimize.ts';
import type { RewardScale } from './replyScore.ts';
import { type RolloutPrompt, rollOut } from './rollout.ts';

const State = z.strictObject({ iterations: z.int(), klCoefficient: z.number() });

/** What the reward model's own card says of its scale; 0 and 1 for one from elsewhere. */
function scaleOf({ artifact }: ModelReference): RewardScale {
  const { rewardMean = 0, rewardDeviation = 1 } = artifact?.metrics ?? {};
  return { mean: rewardMean, deviation: Math.max(rewardDeviation, 1e-6) };
}

async function trainingPrompts(job: Job, config: PpoConfig, tokenizer: Tokenizer, context: number) {
  const { artifact, prompts } = await resolvePrompts(job.workspace, config.prompts, job.path);
  const rendered: RolloutPrompt[] = prompts
    .filter((prompt) => prompt.split === 'train')
    .map((prompt) => ({ id: prompt.id, ids: renderPrompt(tokenizer, prompt.messages) }));
  const fitting = rendered.filter(({ ids }) => ids.length + config.maxNewTokens <= context);
  if (fitting.length < rendered.length) {
    job.note(
      `${rendered.length - fitting.length} prompts leave no room for ${config.maxNewTokens} new tokens in ${context} and are left out`,
    );
  }
  if (fitting.length === 0)
    throw new FourfoldError('bad-input', 'Expected at least one training prompt that fits the context, got none.');
  return { promptSet: artifact, prompts: fitting };
}

/** A reward model that reads text otherwise than the policy writes it gives wrong rewards: refuse it. */
async function checkContract(tokenizer: Tokenizer, policy: ModelReference, reward: ModelReference): Promise<void> {
  const { contractParts } = await loadTokenizer(reward.dir);
  requireSameContract(
    { name: policy.name, parts: tokenizer.contractParts },
    { name: reward.name, parts: contractParts },
    'Train the reward model from a version of the same chat model.',
  );
}

/** Improves the policy and keeps it as an artefact. @throws not-finite, interrupted (after a checkpoint), bad-model. */
export async function trainPpo(job: Job, config: PpoConfig): Promise<ArtifactOf<'model'>> {
  const { workspace, signal } = job;
  const policyRef = resolveModel(workspace, config.model, job.path, 'model');
  const rewardRef = resolveModel(workspace, config.rewardModel, job.path, 'reward-model');
  const tokenizer = await loadTokenizer(policyRef.dir);
  await checkContract(tokenizer, policyRef, rewardRef);
  if (tokenizer.stopIds.length === 0)
    throw new FourfoldError('bad-model', `${policyRef.name}: expected an end-of-turn token, the tokenizer has none.`);
  const { stopIds } = tokenizer;
  const scale = scaleOf(rewardRef);

  const folders = await modelFolders({ model: policyRef, rewardModel: rewardRef });
  const loaded: Model[] = [];
  let opened: Run | null = null;
  const quantization = config.quantize ?? null;
  const bases = sharedBases(quantization);
  const frozen = ({ dir }: ModelReference, head: ModelHead) => held(loadModel(dir, head, { bases }));
  const held = async (loading: Promise<Model>) => {
    const model = await loading;
    loaded.push(model);
    return model;
  };
  const trainable = ({ dir }: ModelReference, head: ModelHead, lora: LoraRequest | null) =>
    held(loadTrainable(dir, { head, lora, seed: config.seed, bases, quantization }));
  const policyOptimizer = new AdamW({ ...config, decays });
  const valueOptimizer = new AdamW({ ...config, decays });
  try {
    // Policy and its frozen start; the critic starts from the reward model, whose head already reads a reply's worth. With an
    // adapter, all models over one base share its weights, and the reference is the base with the first adapter or none.
    const lora = loraRequestOf(config);
    const policy = await trainable(policyRef, 'causal-lm', lora);
    const reference = await frozen(policyRef, 'causal-lm');
    const reward = await frozen(rewardRef, 'scalar');
    const value = await trainable(rewardRef, 'scalar', isAdapterFolder(rewardRef.dir) ? null : lora);
    const parts = [
      { name: 'policy', parameters: policy.trained, optimizer: policyOptimizer },
      { name: 'value', parameters: value.trained, optimizer: valueOptimizer },
    ];
    const { promptSet, prompts } = await trainingPrompts(job, config, tokenizer, policy.config.maxPositions);
    const run = await openRun(job, 'ppo', config);
    opened = run;
    const made = madeByRun(workspace, 'model', run.id);
    if (made !== null) return made;
    const checkpoint = await run.latestCheckpoint();
    const restored = checkpoint === null ? null : await restoreCheckpoint(checkpoint.dir, parts, State);
    const kl = klController(restored?.klCoefficient ?? config.klCoefficient, {
      target: config.klTarget,
      horizon: config.klHorizon,
    });
    const record = await stepRecorder(run);
    let done = restored?.iterations ?? 0;
    let last: Record<string, number> = {};
    const save = () =>
      run.saveCheckpoint(done, (dir) =>
        writeCheckpoint(dir, parts, { iterations: done, klCoefficient: kl.coefficient }),
      );
    const task = job.progress.start('ppo', config.iterations, 'iterations');
    try {
      while (done < config.iterations) {
        if (signal.aborted) {
          await save();
          throw new FourfoldError(
            'interrupted',
            `Stopped after iteration ${done} of ${config.iterations}; go on with --resume ${run.id}.`,
          );
        }
        const rate = (learningRate: number) =>
          learningRateAt(done, {
            ...config,
            learningRate,
            warmupSteps: config.warmupIterations,
            totalSteps: config.iterations,
          });

        // 1. Roll out.
        const chosen = examplesOfStep(prompts, {
          batchSize: config.promptsPerIteration,
          seed: config.seed,
          step: done,
        });
        const episodes = await rollOut({ policy, reference, value, reward }, chosen, {
          config,
          iteration: done,
          stopIds,
        });

        // 2. Rewards a token, advantages, returns.
        const lessons = lessonsOf(episodes, { config, scale, klCoefficient: kl.coefficient });

        // 3. Several epochs of clipped updates of policy and critic.
        const learningRate = rate(config.learningRate);
        const learned = await optimize(
          lessons,
          {
            policy: { model: policy, optimizer: policyOptimizer, learningRate },
            value: {
              model: value,
              optimizer: valueOptimizer,
              learningRate: rate(config.valueLearningRate ?? config.learningRate),
            },
          },
          { config, iteration: done },
        );
        last = { ...rolloutFigures(lessons), ...learned, klCoefficient: kl.coefficient, learningRate };
        done++;
        const odd = Object.entries(last).find(([, figure]) => !Number.isFinite(figure));
        if (odd !== undefined) {
          throw new FourfoldError(
            'not-finite',
            `Iteration ${done}: expected finite numbers, got ${odd[0]} = ${odd[1]}. Lower the learning rate; the newest checkpoint is from before.`,
          );
        }

        // 4. Steer the penalty.
        kl.update(last.kl ?? 0, lessons.length);
        await record({ step: done, ...last });
        task.update(done, { reward: (last.reward ?? 0).toFixed(2), kl: (last.kl ?? 0).toFixed(2) });
        if (config.checkpointEvery > 0 && done % config.checkpointEvery === 0 && done < config.iterations) await save();
      }
    } finally {
      task.finish();
    }
    const parents = [policyRef.artifact?.id, rewardRef.artifact?.id, promptSet.id].flatMap((id) => id ?? []);
    return await workspace.artifacts.create(
      {
        kind: 'model',
        role: 'policy',
        parents,
        seed: config.seed,
        config: { ...config, ...folders, contract: tokenizer.contract },
        engine: job.engine,
        round: Math.max(policyRef.artifact?.round ?? 1, rewardRef.artifact?.round ?? 1),
        runId: run.id,
        metrics: { step: done, ...last },
      },
      async (dir) => {
        await saveModel(dir, policy, tokenizer);
        await tokenizer.copyTo(dir);
      },
    );
  } catch (error) {
    throw errorOfRun(error, opened);
  } finally {
    for (const model of loaded) model.dispose();
    bases.dispose();
    policyOptimizer.dispose();
    valueOptimizer.dispose();
  }
}
