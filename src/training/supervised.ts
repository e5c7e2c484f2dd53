// The loop that SFT, pretraining and the reward model share: shuffled epochs, gradient accumulation, clipping, AdamW,
// validation, checkpoints, resuming. Reads once from top to bottom.
import { z } from 'zod';
import { FourfoldError } from '../core/errors.ts';
import { nextTurn } from '../core/nextTurn.ts';
import type { ProgressTask } from '../core/progress.ts';
import { randomFrom, seedOf, shuffled } from '../core/random.ts';
import { AdamW } from '../engine/adamW.ts';
import { accumulate, clipFactor, globalNorm, valueAndGradients } from '../engine/gradients.ts';
import * as tf from '../engine/tf.ts';
import { decays, type Parameters } from '../model/parameters.ts';
import type { Run } from '../store/runs.ts';
import { restoreCheckpoint, type TrainedPart, writeCheckpoint } from './checkpoint.ts';
import { learningRateAt, type SCHEDULES } from './learningRate.ts';
import { stepRecorder } from './stepRecorder.ts';

export interface SupervisedOptions<E> {
  parameters: Parameters;
  examples: ReadonlyArray<E>;
  /** What an example adds to the loss's denominator (response tokens, or 1 for a pair). */
  weightOf(example: E): number;
  /**
   * The loss of some examples: the sum over them of weight times loss, divided by `totalWeight`, so that the losses of
   * micro-batches add up to the batch's mean. What is random in it is drawn from `noiseSeed`.
   */
  loss(examples: ReadonlyArray<E>, totalWeight: number, noiseSeed: number): tf.Scalar;
  /** Figures on held-out data, read at the validation steps. */
  validate?: () => Promise<Record<string, number>>;
  /** Called after the given number of steps is done. */
  afterStep?: (stepsDone: number) => Promise<void>;
  /** Last readings of the trained parameters; where they are interrupted, a checkpoint is written before it ends. */
  finish?: () => Promise<void>;
  batchSize: number;
  gradientAccumulation: number;
  totalSteps: number;
  warmupSteps: number;
  schedule: (typeof SCHEDULES)[number];
  learningRate: number;
  weightDecay: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  maxGradNorm: number;
  validateEvery: number;
  checkpointEvery: number;
  seed: number;
  run: Run;
  task: ProgressTask;
  signal: AbortSignal;
}

const State = z.strictObject({ stepsDone: z.int() });

/** Steps of a number of epochs; the last batch of an epoch may be smaller. */
export function stepsOf(examples: number, batchSize: number, epochs: number): number {
  return Math.max(1, Math.round(Math.ceil(examples / batchSize) * epochs));
}

/** The examples of a step: epoch after epoch, each in a random order of its own. A function of seed and step alone. */
export function examplesOfStep<E>(
  examples: ReadonlyArray<E>,
  { batchSize, seed, step }: { batchSize: number; seed: number; step: number },
): E[] {
  const perEpoch = Math.ceil(examples.length / batchSize);
  const epoch = Math.floor(step / perEpoch);
  const order = shuffled(examples, randomFrom(seedOf(seed, 'epoch', epoch)));
  const start = (step % perEpoch) * batchSize;
  return order.slice(start, start + batchSize);
}

/** One optimiser step over a batch. @returns loss and gradient norm before clipping, in one readback */
async function optimizerStep<E>(
  options: SupervisedOptions<E>,
  optimizer: AdamW,
  batch: ReadonlyArray<E>,
  step: number,
): Promise<{ loss: number; gradNorm: number; learningRate: number }> {
  const totalWeight = batch.reduce((sum, example) => sum + options.weightOf(example), 0);
  const microSize = Math.ceil(batch.length / options.gradientAccumulation);
  const sum = new Map<string, tf.Tensor>();
  const losses: tf.Scalar[] = [];
  for (let start = 0; start < batch.length; start += microSize) {
    const micro = batch.slice(start, start + microSize);
    const noiseSeed = seedOf(options.seed, 'noise', step, start);
    const { value, gradients } = valueAndGradients(options.parameters, () =>
      options.loss(micro, totalWeight, noiseSeed),
    );
    losses.push(value);
    accumulate(sum, gradients);
  }
  const norm = globalNorm(sum);
  const figures = tf.tidy(() => tf.stack([tf.addN(losses), norm]));
  const [loss = Number.NaN, gradNorm = Number.NaN] = await figures.data();
  const learningRate = learningRateAt(step, options);
  if (Number.isFinite(loss) && Number.isFinite(gradNorm)) {
    const scale = clipFactor(norm, options.maxGradNorm);
    optimizer.step(options.parameters, sum, { learningRate, scale });
    scale.dispose();
  }
  tf.dispose([...sum.values(), ...losses, norm, figures]);
  return { loss, gradNorm, learningRate };
}

/**
 * Trains in place.
 * @returns the last loss
 * @throws not-finite at the first loss or gradient norm that is not a number, naming the step; the newest checkpoint
 *   is from before it. interrupted after a checkpoint where the signal is aborted.
 */
export async function trainSupervised<E>(options: SupervisedOptions<E>): Promise<{ loss: number }> {
  const { run, signal, task, totalSteps, batchSize, seed } = options;
  if (options.examples.length === 0)
    throw new FourfoldError('bad-input', 'Expected at least one example to train on, got none.');
  const optimizer = new AdamW({ ...options, decays });
  const parts: TrainedPart[] = [{ name: 'model', parameters: options.parameters, optimizer }];
  try {
    const checkpoint = await run.latestCheckpoint();
    let stepsDone = checkpoint === null ? 0 : (await restoreCheckpoint(checkpoint.dir, parts, State)).stepsDone;
    const save = () => run.saveCheckpoint(stepsDone, (dir) => writeCheckpoint(dir, parts, { stepsDone }));
    const record = await stepRecorder(run);
    let last = Number.NaN;
    const stop = async () => {
      await save();
      throw new FourfoldError(
        'interrupted',
        `Stopped after step ${stepsDone} of ${totalSteps}; go on with --resume ${run.id}.`,
      );
    };
    while (stepsDone < totalSteps) {
      await nextTurn();
      if (signal.aborted) await stop();
      const batch = examplesOfStep(options.examples, { batchSize, seed, step: stepsDone });
      const { loss, gradNorm, learningRate } = await optimizerStep(options, optimizer, batch, stepsDone);
      stepsDone++;
      if (!Number.isFinite(loss) || !Number.isFinite(gradNorm)) {
        throw new FourfoldError(
          'not-finite',
          `Step ${stepsDone}: expected finite numbers, got loss ${loss} and gradient norm ${gradNorm}. ` +
            'Lower the learning rate or look at the data of this step; no checkpoint was written after it.',
        );
      }
      last = loss;
      const isValidated =
        stepsDone === totalSteps || (options.validateEvery > 0 && stepsDone % options.validateEvery === 0);
      const figures = isValidated ? ((await options.validate?.()) ?? {}) : {};
      await record({ step: stepsDone, loss, gradNorm, learningRate, ...figures });
      task.update(stepsDone, { loss: loss.toFixed(3) });
      await options.afterStep?.(stepsDone);
      if (options.checkpointEvery > 0 && stepsDone % options.checkpointEvery === 0 && stepsDone < totalSteps)
        await save();
    }
    try {
      await options.finish?.();
    } catch (error) {
      if (error instanceof FourfoldError && error.code === 'interrupted') await stop();
      throw error;
    }
    return { loss: last };
  } finally {
    optimizer.dispose();
  }
}
