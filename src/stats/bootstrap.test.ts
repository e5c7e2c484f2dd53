import { bootstrapMean, bootstrapStatistic, quantile } from './bootstrap.ts';

describe('bootstrapMean', () => {
  test('takes the mean over all values, not the mean of the clusters', () => {
    // (1 + 1 + 1 + 0) / 4 = 0.75, where the mean of cluster means would be 0.5.
    expect(bootstrapMean([[1, 1, 1], [0]], { seed: 1 }).value).toBeCloseTo(0.75, 12);
  });

  test('gives the same interval for the same seed and another for another', () => {
    const clusters = Array.from({ length: 40 }, (_, i) => [(i * 7) % 11]);
    expect(bootstrapMean(clusters, { seed: 3 })).toEqual(bootstrapMean(clusters, { seed: 3 }));
    expect(bootstrapMean(clusters, { seed: 3 })).not.toEqual(bootstrapMean(clusters, { seed: 4 }));
  });

  test('comes close to the normal interval for many independent values', () => {
    // 200 zeros and 200 ones: mean 0.5, standard error √(0.25 / 400) = 0.025, 1.96 of them to each side: 0.451 to 0.549.
    const clusters = Array.from({ length: 400 }, (_, i) => [i % 2]);
    const { low, high } = bootstrapMean(clusters, { seed: 1 });
    expect(low).toBeGreaterThan(0.44);
    expect(low).toBeLessThan(0.46);
    expect(high).toBeGreaterThan(0.54);
    expect(high).toBeLessThan(0.56);
  });

  test('copies of a value in one cluster do not narrow the interval', () => {
    const single = Array.from({ length: 50 }, (_, i) => [i % 2]);
    const copied = single.map(([value = 0]) => [value, value, value, value]);
    // The sum and the count of each cluster are both four times as large, so every resampled mean is the same.
    expect(bootstrapMean(copied, { seed: 5 })).toEqual(bootstrapMean(single, { seed: 5 }));
  });

  test('says what is wrong with no values, a NaN, and impossible settings', () => {
    expect(() => bootstrapMean([[], []], { seed: 1 })).toThrow(/at least one value/);
    expect(() => bootstrapMean([[Number.NaN]], { seed: 1 })).toThrow(/finite/);
    expect(() => bootstrapMean([[1]], { seed: 1, confidence: 1 })).toThrow(/confidence/);
    expect(() => bootstrapMean([[1]], { seed: 1, resamples: 0 })).toThrow(/resamples/);
  });
});

describe('bootstrapStatistic', () => {
  const mean = (values: ReadonlyArray<number>) => values.reduce((a, b) => a + b, 0) / values.length;

  test('surrounds the statistic of the data', () => {
    const found = bootstrapStatistic([1, 2, 3, 4, 5], mean, { seed: 1, resamples: 500 });
    expect(found?.value).toBe(3);
    expect(found?.low).toBeLessThan(3);
    expect(found?.high).toBeGreaterThan(3);
  });

  test('is null where the statistic is', () => {
    expect(bootstrapStatistic([1, 2], () => null, { seed: 1 })).toBeNull();
    expect(bootstrapStatistic([], mean, { seed: 1 })).toBeNull();
  });
});

test('quantile interpolates between neighbours', () => {
  // Position (4 - 1) × 0.25 = 0.75 between 10 and 20: 17.5.
  expect(quantile([10, 20, 30, 40], 0.25)).toBeCloseTo(17.5, 12);
  expect(quantile([10, 20, 30, 40], 1)).toBe(40);
});
