// Correlation of two lists of numbers. Null where a list does not vary or there are fewer than two values.
import { FourfoldError } from '../core/errors.ts';

/** Pearson's r: Σ (x - x̄)(y - ȳ) / √(Σ (x - x̄)² Σ (y - ȳ)²). @throws bad-input where the lengths differ. */
export function pearson(x: ReadonlyArray<number>, y: ReadonlyArray<number>): number | null {
  if (x.length !== y.length) {
    throw new FourfoldError('bad-input', `Expected two lists of one length, got ${x.length} and ${y.length} values.`);
  }
  const meanX = meanOf(x);
  const meanY = meanOf(y);
  return cosine(
    x.map((value) => value - meanX),
    y.map((value) => value - meanY),
  );
}

/** Spearman's rho: Pearson's r of the ranks, ties at their mean rank. @throws bad-input where the lengths differ. */
export function spearman(x: ReadonlyArray<number>, y: ReadonlyArray<number>): number | null {
  return pearson(ranksOf(x), ranksOf(y));
}

/**
 * Correlation about zero: Σ xy / √(Σ x² Σ y²). For differences between two things it is Pearson's r over both
 * directions of each difference, and so does not depend on which of the two came first.
 */
export function cosine(x: ReadonlyArray<number>, y: ReadonlyArray<number>): number | null {
  let xy = 0;
  let xx = 0;
  let yy = 0;
  for (const [i, a] of x.entries()) {
    const b = y[i] ?? Number.NaN;
    xy += a * b;
    xx += a * a;
    yy += b * b;
  }
  if (x.length < 2 || xx === 0 || yy === 0) return null;
  return Math.min(1, Math.max(-1, xy / Math.sqrt(xx * yy)));
}

/** Ranks from 1, ties at the mean of the ranks that they share. */
export function ranksOf(values: ReadonlyArray<number>): number[] {
  const order = values.map((_, i) => i).sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0));
  const ranks = new Array<number>(values.length).fill(0);
  for (let start = 0; start < order.length; ) {
    const value = values[order[start] ?? 0];
    let end = start + 1;
    while (end < order.length && values[order[end] ?? 0] === value) end++;
    for (const index of order.slice(start, end)) ranks[index] = (start + 1 + end) / 2;
    start = end;
  }
  return ranks;
}

export const meanOf = (values: ReadonlyArray<number>): number =>
  values.length === 0 ? 0 : values.reduce((total, value) => total + value, 0) / values.length;
