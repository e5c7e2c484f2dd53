// Percentile bootstrap intervals, resampled by cluster: replies to one prompt are not independent, so whole prompts
// are drawn, never single replies. Seeded: the same data and seed give the same interval.
import { FourfoldError } from '../core/errors.ts';
import { randomFrom, seedOf } from '../core/random.ts';
import type { Estimate } from './interval.ts';

export interface BootstrapOptions {
  /** Coverage of the interval, default 0.95. */
  confidence?: number;
  /** How many resamples, default 2000. */
  resamples?: number;
  seed: number;
}

/**
 * Mean over all values, with the percentile interval of the cluster bootstrap (Efron and Tibshirani 1993, An
 * Introduction to the Bootstrap, section 13.3; clusters: Davison and Hinkley 1997, section 3.8):
 * draw as many clusters as there are with replacement, θ* = Σ values / number of values, and take the
 * (1 ± confidence) / 2 quantiles of θ*.
 *
 * @param clusters one list of values per cluster (a prompt); empty clusters are passed over.
 * @throws bad-input where there is no value at all or one is not finite, bad-option for impossible settings.
 */
export function bootstrapMean(clusters: ReadonlyArray<ReadonlyArray<number>>, options: BootstrapOptions): Estimate {
  const { confidence, resamples, seed } = checked(options);
  const filled = clusters.filter((values) => values.length > 0);
  if (filled.length === 0) {
    throw new FourfoldError('bad-input', 'Expected at least one value to bootstrap, got none.');
  }
  const sums = Float64Array.from(filled, (values) => values.reduce((total, value) => total + value, 0));
  const counts = Float64Array.from(filled, (values) => values.length);
  if (sums.some((sum) => !Number.isFinite(sum))) {
    throw new FourfoldError('bad-input', 'Expected finite values to bootstrap, got one that is not.');
  }
  const random = randomFrom(seedOf('bootstrap-mean', seed));
  const means = new Float64Array(resamples);
  for (let r = 0; r < resamples; r++) {
    let sum = 0;
    let count = 0;
    for (let draw = 0; draw < sums.length; draw++) {
      const cluster = random.integer(sums.length);
      sum += sums[cluster] ?? 0;
      count += counts[cluster] ?? 0;
    }
    means[r] = sum / count;
  }
  const total = sums.reduce((a, b) => a + b, 0);
  const values = counts.reduce((a, b) => a + b, 0);
  return { value: total / values, ...percentiles(means, confidence) };
}

/**
 * The same for any statistic of the clusters, null where it cannot be computed. Resamples where it is null are left
 * out; the whole is null where the statistic of the data is, or where fewer than half of the resamples have one.
 */
export function bootstrapStatistic<T>(
  clusters: ReadonlyArray<T>,
  statistic: (clusters: ReadonlyArray<T>) => number | null,
  options: BootstrapOptions,
): Estimate | null {
  const { confidence, resamples, seed } = checked(options);
  const value = clusters.length === 0 ? null : statistic(clusters);
  if (value === null) return null;
  const random = randomFrom(seedOf('bootstrap-statistic', seed));
  const found: number[] = [];
  for (let r = 0; r < resamples; r++) {
    const sample = clusters.map(() => clusters[random.integer(clusters.length)] as T);
    const resampled = statistic(sample);
    if (resampled !== null) found.push(resampled);
  }
  return found.length * 2 < resamples ? null : { value, ...percentiles(Float64Array.from(found), confidence) };
}

/**
 * Several statistics of the same units at once, where units of the same pattern are alike: a resample is then no more
 * than how often each pattern was drawn, and 20,000 units cost what their few patterns cost. Null as above, each.
 *
 * @param patternOf the pattern of each unit, a number from 0
 * @param statistics of the counts of each pattern
 */
export function bootstrapCounts(
  patternOf: ArrayLike<number>,
  statistics: (counts: Float64Array) => ReadonlyArray<number | null>,
  options: BootstrapOptions,
): Array<Estimate | null> {
  const { confidence, resamples, seed } = checked(options);
  const units = patternOf.length;
  const patterns = Array.from(patternOf).reduce((most, pattern) => Math.max(most, pattern + 1), 0);
  const counts = new Float64Array(patterns);
  const count = (unit: number) => {
    const pattern = patternOf[unit] ?? 0;
    counts[pattern] = (counts[pattern] ?? 0) + 1;
  };
  for (let unit = 0; unit < units; unit++) count(unit);
  const values = statistics(counts);
  const random = randomFrom(seedOf('bootstrap-counts', seed));
  const found: number[][] = values.map(() => []);
  for (let r = 0; r < resamples && units > 0; r++) {
    counts.fill(0);
    for (let draw = 0; draw < units; draw++) count(random.integer(units));
    for (const [i, value] of statistics(counts).entries()) if (value !== null) found[i]?.push(value);
  }
  return values.map((value, i) => {
    const samples = found[i] ?? [];
    return value === null || samples.length * 2 < resamples
      ? null
      : { value, ...percentiles(Float64Array.from(samples), confidence) };
  });
}

function checked(options: BootstrapOptions): Required<BootstrapOptions> {
  const { confidence = 0.95, resamples = 2000, seed } = options;
  if (!(confidence > 0 && confidence < 1)) {
    throw new FourfoldError('bad-option', `Expected a confidence between 0 and 1, got ${confidence}.`);
  }
  if (!Number.isInteger(resamples) || resamples < 1) {
    throw new FourfoldError('bad-option', `Expected a whole number of resamples from 1, got ${resamples}.`);
  }
  return { confidence, resamples, seed };
}

function percentiles(values: Float64Array, confidence: number): { low: number; high: number } {
  const sorted = values.toSorted();
  return { low: quantile(sorted, (1 - confidence) / 2), high: quantile(sorted, (1 + confidence) / 2) };
}

/**
 * Quantile with linear interpolation between order statistics (Hyndman and Fan 1996, definition 7).
 * @param sorted ascending, at least one value.
 */
export function quantile(sorted: ArrayLike<number>, probability: number): number {
  const position = (sorted.length - 1) * probability;
  const below = Math.floor(position);
  const low = sorted[below] ?? Number.NaN;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] ?? Number.NaN;
  return low + (high - low) * (position - below);
}
