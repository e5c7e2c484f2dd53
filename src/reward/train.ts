// `fourfold reward`: a Bradley-Terry reward model on the trunk of a language model.
import { join } from 'node:path';
import type { ArtifactOf } from '../core/artifacts.ts';
import { FourfoldError } from '../core/errors.ts';
import { readJsonl } from '../core/jsonl.ts';
import { Candidate, Pair, type Prompt } from '../core/records.ts';
import * as tf from '../engine/tf.ts';
import { makeBatch, type Sequence } from '../model/batch.ts';
import { sequenceScores } from '../model/heads.ts';
import { type Model, saveModel, scalarModelFrom } from '../model/model.ts';
import { scoreSequences } from '../model/score.ts';
import { type Job, openRun } from '../store/job.ts';
import { readPrompts, resolveModel } from '../store/references.ts';
import type { Workspace } from '../store/workspace.ts';
import { renderReply } from '../tokens/rendering.ts';
import { loadTokenizer, type Tokenizer } from '../tokens/tokenizer.ts';
import { stepsOf, trainSupervised } from '../training/supervised.ts';
import { accuracyReport, lengthDirection, type ScoredPair } from './accuracy.ts';
import type { RewardConfig } from './config.ts';
import { bradleyTerryLoss } from './loss.ts';

interface PairExample {
  pair: Pair;
  chosen: Sequence;
  rejected: Sequence;
}

interface Sources {
  prompts: Map<string, Prompt>;
  /** By candidate id: an unfinished reply is read without an end of turn, as PPO will show it. */
  finish: Map<string, Candidate['finishReason']>;
}

/** Prompts and replies of the candidate sets that the pairs were made of. */
async function readSources(workspace: Workspace, pairSet: ArtifactOf<'pair-set'>): Promise<Sources> {
  const sources: Sources = { prompts: new Map(), finish: new Map() };
  for (const id of pairSet.parents) {
    const parent = workspace.artifacts.get(id);
    if (parent?.kind !== 'candidate-set') continue;
    const dir = workspace.artifacts.dir(parent);
    for (const prompt of await readPrompts(dir)) sources.prompts.set(prompt.id, prompt);
    for (const candidate of await readJsonl(join(dir, 'candidates.jsonl'), Candidate)) {
      sources.finish.set(candidate.id, candidate.finishReason);
    }
  }
  return sources;
}

function pairExamples(
  pairs: ReadonlyArray<Pair>,
  { prompts, finish }: Sources,
  { tokenizer, maxLength }: { tokenizer: Tokenizer; maxLength: number },
): { examples: PairExample[]; tooLong: number } {
  const render = (prompt: Prompt, text: string, id: string) =>
    renderReply(tokenizer, prompt.messages, text, { isFinished: finish.get(id) !== 'length' });
  const all = pairs.map((pair): PairExample => {
    const prompt = prompts.get(pair.promptId);
    if (prompt === undefined)
      throw new FourfoldError(
        'bad-input',
        `Pair ${pair.id}: its prompt ${pair.promptId} is in none of the candidate sets behind it.`,
      );
    return {
      pair,
      chosen: render(prompt, pair.chosen, pair.chosenId),
      rejected: render(prompt, pair.rejected, pair.rejectedId),
    };
  });
  const examples = all.filter(({ chosen, rejected }) => Math.max(chosen.ids.length, rejected.ids.length) <= maxLength);
  return { examples, tooLong: all.length - examples.length };
}

/** Loss of some pairs: chosen and rejected go through the trunk in one batch. */
function pairLoss(
  model: Model,
  examples: ReadonlyArray<PairExample>,
  totalPairs: number,
  config: RewardConfig,
): tf.Scalar {
  return tf.tidy(() => {
    const sequences = [...examples.map((example) => example.chosen), ...examples.map((example) => example.rejected)];
    const scores = sequenceScores(model, makeBatch(sequences, model.config.maxPositions));
    const n = examples.length;
    return bradleyTerryLoss(
      {
        chosen: tf.slice(scores, [0], [n]),
        rejected: tf.slice(scores, [n], [n]),
        softLabels: tf.tensor1d(examples.map(({ pair }) => pair.softLabel)),
        margins: tf.tensor1d(examples.map(({ pair }) => (config.useMargin ? pair.margin : 0))),
      },
      { centering: config.centering, totalPairs },
    );
  });
}

async function scorePairs(
  model: Model,
  examples: ReadonlyArray<PairExample>,
  batchSize: number,
): Promise<ScoredPair[]> {
  const chosen = await scoreSequences(
    model,
    examples.map((example) => example.chosen),
    batchSize,
  );
  const rejected = await scoreSequences(
    model,
    examples.map((example) => example.rejected),
    batchSize,
  );
  return examples.map(({ pair }, i) => ({
    pair,
    chosenReward: chosen[i] ?? Number.NaN,
    rejectedReward: rejected[i] ?? Number.NaN,
  }));
}

/** Mean and deviation of the rewards of all replies, by which PPO puts rewards on one scale. */
function rewardScale(scored: ReadonlyArray<ScoredPair>): { rewardMean: number; rewardDeviation: number } {
  const rewards = scored.flatMap((one) => [one.chosenReward, one.rejectedReward]);
  const mean = rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
  const variance = rewards.reduce((sum, reward) => sum + (reward - mean) ** 2, 0) / Math.max(1, rewards.length - 1);
  return { rewardMean: mean, rewardDeviation: Math.sqrt(variance) };
}

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
  const sources = await readSources(workspace, pairSet);
  const tokenizer = await loadTokenizer(start.dir);
  const model = await scalarModelFrom(start.dir);
  try {
    const maxLength = Math.min(config.maxLength, model.config.maxPositions);
    const pairs = await readJsonl(join(pairDir, 'pairs.jsonl'), Pair);
    const { examples, tooLong } = pairExamples(pairs, sources, { tokenizer, maxLength });
    if (tooLong > 0) job.note(`${tooLong} pairs are longer than ${maxLength} tokens and are left out`);
    const training = examples.filter(({ pair }) => pair.split === 'train');
    const heldOut = examples.filter(({ pair }) => pair.split === 'heldout');
    const direction = lengthDirection(training.map(({ pair }) => pair));
    const run = await openRun(workspace, 'reward', config);
    const totalSteps = stepsOf(training.length, config.batchSize, config.epochs);
    const task = job.progress.start('reward', totalSteps, 'steps');
    const report = async () =>
      accuracyReport(await scorePairs(model, heldOut, config.batchSize), direction, config.seed);
    try {
      await trainSupervised({
        ...config,
        parameters: model.parameters,
        examples: training,
        weightOf: () => 1,
        loss: (batch, totalPairs) => pairLoss(model, batch, totalPairs, config),
        validate: async () => {
          if (heldOut.length === 0) return {};
          const { accuracy, lengthBaseline } = await report();
          return { accuracy: accuracy.value, lengthBaseline: lengthBaseline.value };
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
    const figures = heldOut.length === 0 ? null : await report();
    const scale = rewardScale(await scorePairs(model, training, config.batchSize));
    return await workspace.artifacts.create(
      {
        kind: 'reward-model',
        parents: [...(start.artifact === null ? [] : [start.artifact.id]), pairSet.id],
        seed: config.seed,
        config: { ...config, contract: tokenizer.contract },
        engine: job.engine,
        round: pairSet.round,
        runId: run.id,
        metrics: {
          trainPairs: training.length,
          heldOutPairs: heldOut.length,
          ...scale,
          ...(figures === null
            ? {}
            : {
                accuracy: figures.accuracy.value,
                accuracyLow: figures.accuracy.low,
                accuracyHigh: figures.accuracy.high,
                lengthBaseline: figures.lengthBaseline.value,
              }),
        },
      },
      async (dir) => {
        await saveModel(dir, model, { bosId: tokenizer.bosId, eosId: tokenizer.eosId });
        await tokenizer.copyTo(dir);
      },
    );
  } finally {
    model.dispose();
  }
}
