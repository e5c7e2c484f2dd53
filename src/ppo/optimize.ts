// The optimisation of one iteration: several epochs of clipped updates of policy and critic over its replies.
import { randomFrom, seedOf, shuffled } from '../core/random.ts';
import type { AdamW } from '../engine/adamW.ts';
import { clipFactor, globalNorm, valueAndGradients } from '../engine/gradients.ts';
import * as tf from '../engine/tf.ts';
import { inTraining } from '../model/adapted.ts';
import { makeBatch } from '../model/batch.ts';
import { responseLogProbs, responseValues } from '../model/heads.ts';
import type { Model } from '../model/model.ts';
import type { PpoConfig } from './config.ts';
import { mean } from './figures.ts';
import type { Lesson } from './lessons.ts';
import { policyLoss, valueLoss } from './loss.ts';

export interface Learner {
  model: Model;
  optimizer: AdamW;
  learningRate: number;
}

/** A loss, and figures that are read back with it. */
interface StepLoss {
  loss: tf.Scalar;
  figures: tf.Scalar[];
}

const flat = (lessons: ReadonlyArray<Lesson>, read: (lesson: Lesson) => number[]) =>
  tf.tensor1d(lessons.flatMap(read), 'float32');

const batchOf = (model: Model, lessons: ReadonlyArray<Lesson>) =>
  makeBatch(
    lessons.map((lesson) => lesson.sequence),
    model.config.maxPositions,
  );

/** The clipped surrogate of a minibatch, with approxKl, clipFraction and ratioMax. Call it inside tidy. */
export function policyStepLoss(model: Model, lessons: ReadonlyArray<Lesson>, config: PpoConfig): StepLoss {
  const { loss, approxKl, clipFraction, ratioMax } = policyLoss(
    {
      logProbs: responseLogProbs(model, batchOf(model, lessons), config.temperature).logProbs,
      oldLogProbs: flat(lessons, (lesson) => lesson.logProbs),
      advantages: flat(lessons, (lesson) => lesson.advantages),
    },
    config.clipRange,
  );
  return { loss, figures: [approxKl, clipFraction, ratioMax] };
}

/** The clipped value loss of a minibatch. Call it inside tidy. */
export function valueStepLoss(model: Model, lessons: ReadonlyArray<Lesson>, config: PpoConfig): StepLoss {
  const loss = valueLoss(
    {
      values: responseValues(model, batchOf(model, lessons)),
      oldValues: flat(lessons, (lesson) => lesson.values),
      returns: flat(lessons, (lesson) => lesson.returns),
    },
    config.valueClipRange,
  );
  return { loss, figures: [] };
}

/** One optimiser step of one model. @returns its loss, gradient norm and extra figures, read back at once */
async function learn(
  { model, optimizer, learningRate }: Learner,
  maxGradNorm: number,
  lossAndFigures: () => StepLoss,
): Promise<number[]> {
  let figures: tf.Scalar[] = [];
  const { value, gradients } = valueAndGradients(model.trained, () => {
    const result = lossAndFigures();
    figures = result.figures.map((figure) => tf.keep(figure));
    return result.loss;
  });
  const norm = globalNorm(gradients);
  const stacked = tf.tidy(() => tf.stack([value, norm, ...figures]));
  const numbers = Array.from(await stacked.data());
  if (numbers.every(Number.isFinite)) {
    const scale = clipFactor(norm, maxGradNorm);
    optimizer.step(model.trained, gradients, { learningRate, scale });
    scale.dispose();
  }
  tf.dispose([stacked, value, norm, ...figures, ...gradients.values()]);
  return numbers;
}

/** All epochs and minibatches of one iteration. @returns the means of the figures by name */
export async function optimize(
  lessons: ReadonlyArray<Lesson>,
  { policy, value }: { policy: Learner; value: Learner },
  { config, iteration }: { config: PpoConfig; iteration: number },
): Promise<Record<string, number>> {
  const rows: number[][] = [];
  const size = Math.ceil(lessons.length / config.minibatches);
  for (let epoch = 0; epoch < config.epochs; epoch++) {
    const order = shuffled(lessons, randomFrom(seedOf(config.seed, 'minibatches', iteration, epoch)));
    for (let start = 0; start < order.length; start += size) {
      const mb = order.slice(start, start + size);
      const seen = ({ model }: Learner, name: string) => {
        const dropoutSeed =
          config.loraDropout === 0 ? null : seedOf(config.seed, 'noise', name, iteration, epoch, start);
        return inTraining(model, { dropoutSeed, recomputes: config.gradientCheckpointing });
      };
      const ofPolicy = await learn(policy, config.maxGradNorm, () =>
        policyStepLoss(seen(policy, 'policy'), mb, config),
      );
      const ofValue = await learn(value, config.maxGradNorm, () => valueStepLoss(seen(value, 'value'), mb, config));
      rows.push([...ofPolicy, ...ofValue]);
    }
  }
  const names = ['policyLoss', 'policyGradNorm', 'approxKl', 'clipFraction', 'ratioMax', 'valueLoss', 'valueGradNorm'];
  return Object.fromEntries(names.map((name, i) => [name, mean(rows.map((row) => row[i] ?? Number.NaN))]));
}
