// From the metrics of runs to the curves of a report. A figure that a run did not record is left out.
import type { Metrics } from '../store/runs.ts';
import type { LossCurve, Point, PpoHistory, PpoIteration, RewardModelHistory } from './reportData.ts';

type Lines = ReadonlyArray<Metrics>;

/** [step, figure] of every line that has it as a finite number. */
export function pointsOf(lines: Lines, name: string): Point[] {
  return lines.flatMap((line): Point[] => {
    const value = line[name];
    return typeof value === 'number' && Number.isFinite(value) ? [[line.step, value]] : [];
  });
}

/** Loss of pretraining, of fine-tuning or of the reward model: `loss`, and `validationLoss` where it was measured. */
export function lossCurve(lines: Lines): LossCurve {
  return { train: pointsOf(lines, 'loss'), validation: pointsOf(lines, 'validationLoss') };
}

/** Loss and held-out accuracy of a reward model. */
export function rewardModelHistory(lines: Lines): RewardModelHistory {
  const lengthBaseline = pointsOf(lines, 'lengthBaseline').at(-1)?.[1];
  return {
    loss: lossCurve(lines),
    accuracy: { train: pointsOf(lines, 'trainAccuracy'), validation: pointsOf(lines, 'accuracy') },
    ...(lengthBaseline === undefined ? {} : { lengthBaseline }),
  };
}

/** Name in the report by name in the metrics. */
const PPO_FIGURES = {
  klCoefficient: 'klCoefficient',
  entropy: 'entropy',
  replyLength: 'replyTokens',
  clipFraction: 'clipFraction',
  valueLoss: 'valueLoss',
  explainedVariance: 'explainedVariance',
} as const;

/** The iterations of PPO, or null where none has both reward and KL. */
export function ppoHistory(lines: Lines, klTarget: number | null): PpoHistory | null {
  const iterations = lines.flatMap((line): PpoIteration[] => {
    const figure = (name: string) => pointsOf([line], name)[0]?.[1];
    const [reward, kl] = [figure('reward'), figure('kl')];
    if (reward === undefined || kl === undefined) return [];
    const others = Object.entries(PPO_FIGURES).flatMap(([key, name]) => {
      const value = figure(name);
      return value === undefined ? [] : [[key, value] as const];
    });
    return [{ step: line.step, reward, kl, ...Object.fromEntries(others) }];
  });
  return iterations.length === 0 ? null : { klTarget, iterations };
}
