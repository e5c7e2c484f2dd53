// All that is told of how far raters agree, each figure with its bootstrap interval over items.
import { FourfoldError } from '../core/errors.ts';
import { cohenKappa, fleissKappa, type Value } from './agreement.ts';
import { type BootstrapOptions, bootstrapCounts } from './bootstrap.ts';
import type { Estimate } from './interval.ts';
import { krippendorffAlpha, type MeasurementLevel } from './krippendorff.ts';
import { patternsOf, type RatingTable } from './ratingTable.ts';

export interface AgreementSummary {
  items: number;
  raters: ReadonlyArray<string>;
  ratings: number;
  /** Krippendorff's alpha at the level asked for; null where nothing can be compared or nothing varies. */
  alpha: Estimate | null;
  /** Null where the items have different numbers of ratings. */
  fleissKappa: Estimate | null;
  /** Each pair of raters who share at least one item. */
  cohenKappa: Array<{ raters: [string, string]; items: number; kappa: Estimate | null }>;
  /**
   * Share (0 to 1) of the pairs of ratings of one item that are equal, as a mean over the items with two ratings or
   * more; null where there is none.
   */
  percentAgreement: Estimate | null;
  /** How many items got each label more often than any other. */
  majority: Map<Value, Estimate>;
  /** Items on which two labels or more are equally frequent. */
  noMajority: number;
}

/**
 * Intervals are percentiles of the bootstrap over items (whole items are drawn, with all their ratings).
 * @throws bad-input where a level other than nominal meets a label that is no number.
 */
export function summariseAgreement(
  table: RatingTable,
  level: MeasurementLevel,
  options: BootstrapOptions,
): AgreementSummary {
  const labels = labelsOf(table, level);
  const numberOf = new Map(labels.map((label, number) => [label, number]));
  const rated = table.values
    .map((row) => row.filter((value): value is Value => value !== null))
    .filter((row) => row.length > 0);
  const countsOf = (row: ReadonlyArray<Value>) => {
    const counts = new Array<number>(labels.length).fill(0);
    for (const value of row) counts[numberOf.get(value) ?? 0] = (counts[numberOf.get(value) ?? 0] ?? 0) + 1;
    return counts;
  };
  const { patterns, patternOf } = patternsOf(rated.map(countsOf), (counts) => counts.join());
  const units = patterns.map((counts) =>
    counts.flatMap((count, label) => {
      const value = labels[label];
      return new Array<number>(count).fill(level === 'nominal' || typeof value !== 'number' ? label : value);
    }),
  );
  const agreements = patterns.map(pairAgreement);
  const majorities = patterns.map(majorityLabel);
  const [alpha = null, fleiss = null, percent = null, ...majority] = bootstrapCounts(
    patternOf,
    (weights) => [
      krippendorffAlpha(units, level, weights),
      fleissKappa(patterns, weights),
      weightedMean(agreements, weights),
      ...labels.map((_, label) => majorities.reduce<number>((n, m, p) => n + (m === label ? (weights[p] ?? 0) : 0), 0)),
    ],
    options,
  );
  return {
    items: rated.length,
    raters: table.raters,
    ratings: rated.reduce((sum, row) => sum + row.length, 0),
    alpha,
    fleissKappa: fleiss,
    cohenKappa: cohenPairs(table, options),
    percentAgreement: percent,
    majority: new Map(labels.flatMap((label, i) => (majority[i] ? [[label, majority[i]] as const] : []))),
    noMajority: patternOf.reduce((n, pattern) => n + (majorities[pattern] === null ? 1 : 0), 0),
  };
}

function labelsOf(table: RatingTable, level: MeasurementLevel): Value[] {
  const labels = [...new Set(table.values.flat())].filter((value): value is Value => value !== null);
  const word = labels.find((label) => typeof label !== 'number');
  if (level !== 'nominal' && word !== undefined) {
    const [row, column] = table.values
      .map((values, item) => [item, values.indexOf(word)] as const)
      .find(([, at]) => at >= 0) ?? [0, 0];
    throw new FourfoldError(
      'bad-input',
      `Item ${table.items[row]}, rater ${table.raters[column]}: expected a number at the ${level} level, got ${JSON.stringify(word)}. Give numbers, or take the nominal level.`,
    );
  }
  return labels.sort((a, b) =>
    typeof a === 'number' && typeof b === 'number' ? a - b : String(a) < String(b) ? -1 : 1,
  );
}

/** Share of the pairs of ratings that are equal; null where there are fewer than two. */
function pairAgreement(counts: ReadonlyArray<number>): number | null {
  const n = counts.reduce((a, b) => a + b, 0);
  return n < 2 ? null : counts.reduce((sum, count) => sum + (count * (count - 1)) / (n * (n - 1)), 0);
}

/** The label given more often than any other; null where there is no such one. */
function majorityLabel(counts: ReadonlyArray<number>): number | null {
  const most = Math.max(...counts);
  const first = counts.indexOf(most);
  return counts.lastIndexOf(most) === first ? first : null;
}

function weightedMean(values: ReadonlyArray<number | null>, weights: ArrayLike<number>): number | null {
  let sum = 0;
  let total = 0;
  for (const [i, value] of values.entries()) {
    if (value === null) continue;
    sum += value * (weights[i] ?? 0);
    total += weights[i] ?? 0;
  }
  return total === 0 ? null : sum / total;
}

function cohenPairs(table: RatingTable, options: BootstrapOptions): AgreementSummary['cohenKappa'] {
  return table.raters.flatMap((a, i) =>
    table.raters.slice(i + 1).flatMap((b, offset) => {
      const shared = table.values.flatMap((row) => {
        const [x, y] = [row[i] ?? null, row[i + 1 + offset] ?? null];
        return x === null || y === null ? [] : [[x, y] as const];
      });
      if (shared.length === 0) return [];
      const { patterns, patternOf } = patternsOf(shared, (pair) => JSON.stringify(pair));
      const [xs, ys] = [patterns.map(([x]) => x), patterns.map(([, y]) => y)];
      const [kappa = null] = bootstrapCounts(patternOf, (weights) => [cohenKappa(xs, ys, weights)], options);
      return [{ raters: [a, b] as [string, string], items: shared.length, kappa }];
    }),
  );
}
