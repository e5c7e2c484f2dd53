// `fourfold reward`: a Bradley-Terry reward model on the trunk of a language model.
import { join } from 'node:path';
import type { ArtifactOf } from '../core/artifacts.ts';
import { FourfoldError } from '../core/errors.ts';
import { readJsonl } from '../core/jsonl.ts';
import { Pair } from '../core/records.ts';
import { embedding } from '../engine/ops/embedding.ts';
import * as tf from '../engine/tf.ts';
import { inTraining } from '../model/adapted.ts';
import { makeBatch } from '../model/batch.ts';
import { sequenceScores } from '../model/heads.ts';
import { loadTrainable } from '../model/lora/trainable.ts';
import { type Model, saveModel } from '../model/model.ts';
import { scoreSequences } from '../model/score.ts';
import { errorOfRun, type Job, openRun } from '../store/job.ts';
import { madeByRun, modelFolders, resolveModel } from '../store/references.ts';
import type { Run } from '../store/runs.ts';
import { loadTokenizer } from '../tokens/tokenizer.ts';
import { loraRequestOf } from '../training/loraConfig.ts';
import { stepsOf, trainSupervised } from '../training/supervised.ts';
import { accuracyReport, lengthDirection, type ScoredPair } from './accuracy.ts';
import type { RewardConfig } from './config.ts';
import { type PairGroup, pairGroups, readPairSources } from './groups.ts';
import { bradleyTerryLoss } from './loss.ts';

/** Replies scored together outside training. */
const SCORING_BATCH = 32;

/** Loss of some prompts' pairs: every reply goes through the trunk once. */
export function pairLoss(
  model: Model,
  groups: ReadonlyArray<PairGroup>,
  totalPairs: number,
  config: RewardConfig,
): tf.Scalar {
  return tf.tidy(() => {
    const sequences = groups.flatMap((group) => group.sequences);
    const scores = sequenceScores(model, makeBatch(sequences, model.config.maxPositions));
    const starts = groups.map((_, i) => groups.slice(0, i).reduce((sum, group) => sum + group.sequences.length, 0));
    const pick = (places: (group: PairGroup) => number[]) => {
      const flat = groups.flatMap((group, i) => places(group).map((place) => (starts[i] ?? 0) + place));
      return tf.reshape(embedding(tf.reshape(scores, [-1, 1]), tf.tensor1d(flat, 'int32')), [-1]);
    };
    const pairs = groups.flatMap((group) => group.pairs);
    return bradleyTerryLoss(
      {
        chosen: pick((group) => group.chosenAt),
        rejected: pick((group) => group.rejectedAt),
        softLabels: tf.tensor1d(pairs.map((pair) => pair.softLabel)),
        margins: tf.tensor1d(pairs.map((pair) => (config.useMargin ? pair.margin : 0))),
      },
      { centering: config.centering, totalPairs },
    );
  });
}

/** Rewards of all replies of the groups, and the pairs with theirs. */
async function scoreGroups(
  model: Model,
  groups: ReadonlyArray<PairGroup>,
  signal?: AbortSignal,
): Promise<{ rewards: number[]; scored: ScoredPair[] }> {
  const rewards = await scoreSequences(
    model,
    groups.flatMap((group) => group.sequences),
    SCORING_BATCH,
    signal,
  );
  let start = 0;
  const scored = groups.flatMap((group) => {
    const own = rewards.slice(start, start + group.sequences.length);
    start += group.sequences.length;
    return group.pairs.map((pair, i) => ({
      pair,
      chosenReward: own[group.chosenAt[i] ?? -1] ?? Number.NaN,
      rejectedReward: own[group.rejectedAt[i] ?? -1] ?? Number.NaN,
    }));
  });
  return { rewards, scored };
}

/** Mean and deviation of the rewards of all replies, by which PPO puts rewards on one scale. */
function rewardScale(rewards: ReadonlyArray<number>): { rewardMean: number; rewardDeviation: number } {
  const mean = rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
  const variance = rewards.reduce((sum, reward) => sum + (reward - mean) ** 2, 0) / Math.max(1, rewards.length - 1);
  return { rewardMean: mean, rewardDeviation: Math.sqrt(variance) };
}

const accuracyFigures = ({ accuracy, lengthBaseline }: ReturnType<typeof accuracyReport>): Record<string, number> => ({
  accuracy: accuracy.value,
  accuracyLow: accuracy.low,
  accuracyHigh: accuracy.high,
  lengthBaseline: lengthBaseline.value,
});

/** Trains a reward model and keeps it with its held-out accuracy beside the length-only baseline. */
export async function trainReward(job: Job, config: RewardConfig): Promise<ArtifactOf<'reward-model'>> {
  const { workspace } = job;
  const pairSet =
    config.pairs === undefined
      ? workspace.artifacts.latest('pair-set')
      : workspace.artifacts.require(config.pairs, 'pair-set');
  if (pairSet === null)
    throw new FourfoldError('not-found', 'Expected a pair set; this workspace has none. Run: fourfold pairs.');
  const start = resolveModel(workspace, config.model, job.path);
  const pairDir = workspace.artifacts.dir(pairSet);
  const sources = await readPairSources(workspace, pairSet);
  const tokenizer = await loadTokenizer(start.dir);
  const folders = await modelFolders({ model: start });
  const model = await loadTrainable(start.dir, {
    head: 'scalar',
    lora: loraRequestOf(config),
    seed: config.seed,
    quantization: config.quantize ?? null,
  });
  let run: Run | null = null;
  try {
    const maxLength = Math.min(config.maxLength, model.config.maxPositions);
    const pairs = await readJsonl(join(pairDir, 'pairs.jsonl'), Pair);
    const { groups, tooLong } = pairGroups(pairs, sources, { tokenizer, maxLength });
    if (tooLong > 0) job.note(`${tooLong} pairs are longer than ${maxLength} tokens and are left out`);
    const training = groups.filter((group) => group.pairs[0]?.split === 'train');
    const heldOut = groups.filter((group) => group.pairs[0]?.split === 'heldout');
    const pairCount = (some: PairGroup[]) => some.reduce((sum, group) => sum + group.pairs.length, 0);
    const direction = lengthDirection(training.flatMap((group) => group.pairs));
    run = await openRun(job, 'reward', config);
    const made = madeByRun(workspace, 'reward-model', run.id);
    if (made !== null) return made;
    const totalSteps = stepsOf(training.length, config.batchSize, config.epochs);
    const task = job.progress.start('reward', totalSteps, 'steps');
    const report = async (stopAt?: AbortSignal) =>
      accuracyReport((await scoreGroups(model, heldOut, stopAt)).scored, direction, config.seed);
    let figures: Record<string, number> = {};
    try {
      await trainSupervised({
        ...config,
        parameters: model.trained,
        examples: training,
        weightOf: (group) => group.pairs.length,
        loss: (batch, totalPairs, noiseSeed) =>
          pairLoss(
            inTraining(model, { dropoutSeed: noiseSeed, recomputes: config.gradientCheckpointing }),
            batch,
            totalPairs,
            config,
          ),
        // A step ends with its validation, however long that takes; the checkpoint after it then tells the whole step.
        validate: async () => {
          if (heldOut.length === 0) return {};
          const { accuracy, lengthBaseline } = await report();
          return { accuracy: accuracy.value, lengthBaseline: lengthBaseline.value };
        },
        finish: async () => {
          const accuracy = heldOut.length === 0 ? {} : accuracyFigures(await report(job.signal));
          const { rewards } = await scoreGroups(model, training, job.signal);
          figures = { ...rewardScale(rewards), ...accuracy };
        },
        totalSteps,
        warmupSteps: Math.round(totalSteps * config.warmupRatio),
        run,
        task,
        signal: job.signal,
      });
    } finally {
      task.finish();
    }
    return await workspace.artifacts.create(
      {
        kind: 'reward-model',
        parents: [...(start.artifact === null ? [] : [start.artifact.id]), pairSet.id],
        seed: config.seed,
        config: { ...config, ...folders, contract: tokenizer.contract },
        engine: job.engine,
        round: pairSet.round,
        runId: run.id,
        metrics: {
          trainPairs: pairCount(training),
          heldOutPairs: pairCount(heldOut),
          ...figures,
        },
      },
      async (dir) => {
        await saveModel(dir, model, tokenizer);
        await tokenizer.copyTo(dir);
      },
    );
  } catch (error) {
    throw errorOfRun(error, run);
  } finally {
    model.dispose();
  }
}
