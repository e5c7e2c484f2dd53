import { learningRateAt } from './learningRate.ts';

const rates = (schedule: 'constant' | 'linear' | 'cosine', warmupSteps: number, totalSteps: number) =>
  Array.from({ length: totalSteps }, (_, step) =>
    learningRateAt(step, { schedule, learningRate: 0.8, warmupSteps, totalSteps }),
  );

test('the rise is linear and its first step already learns', () => {
  // 3 steps of rise: 1/4, 2/4, 3/4 of the peak, then the peak.
  for (const [step, share] of [0.25, 0.5, 0.75, 1, 1].entries()) {
    expect(rates('constant', 3, 5)[step]).toBeCloseTo(0.8 * share, 12);
  }
});

test('linear falls by the same amount each step, towards 0 at the step after the last', () => {
  // 4 steps after 1 of rise: 1, 3/4, 2/4, 1/4 of the peak.
  for (const [step, share] of [0.5, 1, 0.75, 0.5, 0.25].entries()) {
    expect(rates('linear', 1, 5)[step]).toBeCloseTo(0.8 * share, 12);
  }
});

test('cosine is half the peak halfway', () => {
  // (1 + cos(π k / 4)) / 2 for k = 0 to 3: 1, (1 + √½) / 2, ½, (1 - √½) / 2
  const root = Math.SQRT1_2;
  for (const [step, share] of [1, (1 + root) / 2, 0.5, (1 - root) / 2].entries()) {
    expect(rates('cosine', 0, 4)[step]).toBeCloseTo(0.8 * share, 12);
  }
});

test('past the last step the rate is 0, and all steps may be rise', () => {
  const options = { learningRate: 1, warmupSteps: 2, totalSteps: 4 };
  expect(learningRateAt(4, { ...options, schedule: 'linear' })).toBe(0);
  expect(learningRateAt(9, { ...options, schedule: 'cosine' })).toBe(0);
  expect(rates('cosine', 3, 3).every((rate) => rate > 0 && rate < 0.8)).toBe(true);
  expect(learningRateAt(3, { ...options, warmupSteps: 3, totalSteps: 3, schedule: 'linear' })).toBe(1);
});
