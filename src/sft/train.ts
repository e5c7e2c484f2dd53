// Training of a language model on sequences: completion-only loss for SFT, every token for pretraining.
import type { ArtifactOf } from '../core/artifacts.ts';
import { nextTurn } from '../core/nextTurn.ts';
import type { ProgressTask } from '../core/progress.ts';
import * as tf from '../engine/tf.ts';
import { inTraining } from '../model/adapted.ts';
import { makeBatch, type Sequence } from '../model/batch.ts';
import { responseLogProbs } from '../model/heads.ts';
import { type Model, saveModel } from '../model/model.ts';
import type { ArtifactDraft } from '../store/artifacts.ts';
import type { Run } from '../store/runs.ts';
import type { Workspace } from '../store/workspace.ts';
import type { Tokenizer } from '../tokens/tokenizer.ts';
import { stepsOf, trainSupervised } from '../training/supervised.ts';
import type { PretrainConfig, SftConfig } from './config.ts';
import { splitExamples } from './examples.ts';

/** Tokens of a sequence that carry a loss. */
export const responseTokens = (sequence: Sequence) => sequence.isResponseToken.filter(Boolean).length;

/** Σ -log p(token) over the response tokens of the examples, divided by `totalTokens`. */
export function negativeLogLikelihood(model: Model, examples: ReadonlyArray<Sequence>, totalTokens: number): tf.Scalar {
  return tf.tidy(() => {
    const batch = makeBatch(examples, model.config.maxPositions);
    const { logProbs } = responseLogProbs(model, batch, 1, -Math.fround(1 / totalTokens));
    return tf.div(tf.neg(tf.sum(logProbs)), totalTokens) as tf.Scalar;
  });
}

/** Mean loss a token over held-out examples, and its exponential. */
async function validationLoss(
  model: Model,
  examples: ReadonlyArray<Sequence>,
  batchSize: number,
): Promise<Record<string, number>> {
  if (examples.length === 0) return {};
  const totalTokens = examples.reduce((sum, example) => sum + responseTokens(example), 0);
  let loss = 0;
  for (let start = 0; start < examples.length; start += batchSize) {
    await nextTurn();
    const part = tf.tidy(() => negativeLogLikelihood(model, examples.slice(start, start + batchSize), totalTokens));
    loss += (await part.data())[0] ?? Number.NaN;
    part.dispose();
  }
  return { validationLoss: loss, perplexity: Math.exp(loss) };
}

export interface LanguageModelTraining {
  workspace: Workspace;
  model: Model;
  tokenizer: Tokenizer;
  examples: ReadonlyArray<Sequence>;
  config: SftConfig | PretrainConfig;
  keepAtSteps: ReadonlyArray<number>;
  role: 'base' | 'sft';
  parents: ArtifactOf<'model'>['parents'];
  /** Facts to keep on the card beside the configuration. */
  facts: Record<string, unknown>;
  engine: string;
  round: number;
  run: Run;
  task: ProgressTask;
  signal: AbortSignal;
}

/** Steps that the configuration asks for. */
export function plannedSteps(examples: number, config: SftConfig | PretrainConfig): number {
  const training = examples - Math.min(Math.round(examples * config.validationFraction), examples - 1);
  return stepsOf(training, config.batchSize, config.epochs);
}

/**
 * Trains the model in place and keeps it as an artefact, and as one more at each of `keepAtSteps`.
 * @returns the kept versions, the final one last
 */
export async function trainLanguageModel(options: LanguageModelTraining): Promise<ArtifactOf<'model'>[]> {
  const { workspace, model, config, run } = options;
  const { training, validation } = splitExamples(options.examples, config.validationFraction, config.seed);
  const totalSteps = plannedSteps(options.examples.length, config);
  const keep = (step: number) => keepVersion(options, step);
  await trainSupervised({
    ...config,
    ...options,
    parameters: model.trained,
    examples: training,
    weightOf: responseTokens,
    loss: (examples, totalTokens, noiseSeed) =>
      negativeLogLikelihood(
        inTraining(model, { dropoutSeed: noiseSeed, recomputes: config.gradientCheckpointing }),
        examples,
        totalTokens,
      ),
    validate: () => validationLoss(model, validation, config.batchSize),
    afterStep: async (stepsDone) => {
      if (options.keepAtSteps.includes(stepsDone) && stepsDone < totalSteps) await keep(stepsDone);
    },
    totalSteps,
    warmupSteps: Math.round(totalSteps * config.warmupRatio),
  });
  await keep(totalSteps);
  return workspace.artifacts.list('model').filter((artifact) => artifact.runId === run.id);
}

/** Keeps the model as it is now; a resumed run does not keep a step twice. */
async function keepVersion(options: LanguageModelTraining, step: number): Promise<void> {
  const { workspace, model, tokenizer, run, config } = options;
  const isKept = workspace.artifacts
    .list('model')
    .some((artifact) => artifact.runId === run.id && artifact.metrics.step === step);
  if (isKept) return;
  const history = await run.metrics.read();
  const line = history.findLast((metrics) => metrics.step === step);
  const figures = Object.fromEntries(
    ['loss', 'validationLoss'].flatMap((name) => (typeof line?.[name] === 'number' ? [[name, line[name]]] : [])),
  );
  const draft: Extract<ArtifactDraft, { kind: 'model' }> = {
    kind: 'model',
    role: options.role,
    parents: options.parents,
    seed: config.seed,
    config: { ...config, ...options.facts, contract: tokenizer.contract },
    engine: options.engine,
    round: options.round,
    runId: run.id,
    metrics: { step, ...figures },
  };
  await workspace.artifacts.create(draft, async (dir) => {
    await saveModel(dir, model, tokenizer);
    await tokenizer.copyTo(dir);
  });
}
