// Learning-rate schedules as pure functions of the step.

export const SCHEDULES = ['constant', 'linear', 'cosine'] as const;

export interface ScheduleOptions {
  schedule: (typeof SCHEDULES)[number];
  /** Peak rate. */
  learningRate: number;
  /** Steps of linear rise from 0. */
  warmupSteps: number;
  totalSteps: number;
}

/**
 * The rate of a step, steps counted from 0. The rise is linear; the fall to 0 at the end linear or a half cosine
 * (Loshchilov and Hutter 2017, equation 5, one period, minimum 0).
 */
export function learningRateAt(
  step: number,
  { schedule, learningRate, warmupSteps, totalSteps }: ScheduleOptions,
): number {
  if (step < warmupSteps) return (learningRate * (step + 1)) / (warmupSteps + 1);
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps));
  switch (schedule) {
    case 'constant':
      return learningRate;
    case 'linear':
      return learningRate * (1 - progress);
    case 'cosine':
      return (learningRate * (1 + Math.cos(Math.PI * progress))) / 2;
    default:
      return schedule satisfies never;
  }
}
