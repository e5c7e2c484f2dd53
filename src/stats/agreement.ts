// How far sources agree beyond chance. Every figure is null where the data do not determine it (nothing to
// compare, or no variation at all), never 0 or NaN.
import { groupBy } from '../core/groupBy.ts';

/** A value given by one source, null where it gave none. */
export type Value = string | number;

const pairsOf = <T extends Value>(a: ReadonlyArray<T | null>, b: ReadonlyArray<T | null>): Array<[T, T]> =>
  a.flatMap((x, i) => {
    const y = b[i];
    return x === null || y === null || y === undefined ? [] : [[x, y] as [T, T]];
  });

/** Share of the units on which two sources gave the same value; units that either left out do not count. */
export function percentAgreement<T extends Value>(
  a: ReadonlyArray<T | null>,
  b: ReadonlyArray<T | null>,
): number | null {
  const pairs = pairsOf(a, b);
  return pairs.length === 0 ? null : pairs.filter(([x, y]) => x === y).length / pairs.length;
}

/**
 * Cohen's kappa of two sources (Cohen 1960, equation 1): κ = (p_o - p_e) / (1 - p_e), with p_o the observed share of
 * agreement and p_e = Σ_k p_a(k) p_b(k) that of chance.
 */
export function cohenKappa<T extends Value>(a: ReadonlyArray<T | null>, b: ReadonlyArray<T | null>): number | null {
  const pairs = pairsOf(a, b);
  if (pairs.length === 0) return null;
  const observed = pairs.filter(([x, y]) => x === y).length / pairs.length;
  const countsA = groupBy(pairs, ([x]) => x);
  const countsB = groupBy(pairs, ([, y]) => y);
  let chance = 0;
  for (const [value, group] of countsA) {
    chance += (group.length / pairs.length) * ((countsB.get(value)?.length ?? 0) / pairs.length);
  }
  return 1 - chance < 1e-12 ? null : (observed - chance) / (1 - chance);
}

export type MeasurementLevel = 'nominal' | 'ordinal' | 'interval';

/**
 * Krippendorff's alpha for any number of sources with missing values (Krippendorff 2011, Computing Krippendorff's
 * alpha-reliability, part D): α = 1 - D_o / D_e = 1 - (n - 1) Σ o_ck δ²_ck / Σ n_c n_k δ²_ck,
 * over the coincidence matrix o_ck = Σ_u (c-k pairs in unit u) / (m_u - 1), where m_u values are in unit u.
 * Metrics δ²: nominal 1 where c ≠ k; interval (c - k)²; ordinal (Σ_{g=c..k} n_g - (n_c + n_k) / 2)².
 *
 * @param units [units][sources]: the values that the sources gave to each unit, null where one gave none.
 */
export function krippendorffAlpha(
  units: ReadonlyArray<ReadonlyArray<number | null>>,
  level: MeasurementLevel,
): number | null {
  const pairable = units
    .map((unit) => unit.filter((value): value is number => value !== null))
    .filter((unit) => unit.length >= 2);
  const values = [...new Set(pairable.flat())].sort((a, b) => a - b);
  const rankOf = new Map(values.map((value, rank) => [value, rank]));
  const size = values.length;
  const coincidences = new Float64Array(size * size);
  for (const unit of pairable) {
    for (const [i, x] of unit.entries()) {
      for (const [j, y] of unit.entries()) {
        if (i === j) continue;
        const cell = (rankOf.get(x) ?? 0) * size + (rankOf.get(y) ?? 0);
        coincidences[cell] = (coincidences[cell] ?? 0) + 1 / (unit.length - 1);
      }
    }
  }
  const marginals = values.map((_, c) => coincidences.subarray(c * size, (c + 1) * size).reduce((a, b) => a + b, 0));
  const total = marginals.reduce((a, b) => a + b, 0);
  const distance = squaredDistance(values, marginals, level);
  let observed = 0;
  let expected = 0;
  for (let c = 0; c < size; c++) {
    for (let k = 0; k < size; k++) {
      const delta = distance(c, k);
      observed += (coincidences[c * size + k] ?? 0) * delta;
      expected += (marginals[c] ?? 0) * (marginals[k] ?? 0) * delta;
    }
  }
  return expected === 0 ? null : 1 - ((total - 1) * observed) / expected;
}

/** δ² between two values, given as their ranks among the distinct values. */
function squaredDistance(
  values: ReadonlyArray<number>,
  marginals: ReadonlyArray<number>,
  level: MeasurementLevel,
): (c: number, k: number) => number {
  switch (level) {
    case 'nominal':
      return (c, k) => (c === k ? 0 : 1);
    case 'interval':
      return (c, k) => ((values[c] ?? 0) - (values[k] ?? 0)) ** 2;
    case 'ordinal':
      return (c, k) => {
        const [from, to] = c < k ? [c, k] : [k, c];
        const between = marginals.slice(from, to + 1).reduce((a, b) => a + b, 0);
        return (between - ((marginals[from] ?? 0) + (marginals[to] ?? 0)) / 2) ** 2;
      };
    default:
      return level satisfies never;
  }
}
