// Krippendorff's alpha, for any number of sources with missing values. Null where the data do not determine it.

export const MEASUREMENT_LEVELS = ['nominal', 'ordinal', 'interval', 'ratio'] as const;
export type MeasurementLevel = (typeof MEASUREMENT_LEVELS)[number];

/**
 * Krippendorff (2011), Computing Krippendorff's alpha-reliability, parts D and E:
 * α = 1 - D_o / D_e = 1 - (n - 1) Σ o_ck δ²_ck / Σ n_c n_k δ²_ck,
 * over the coincidence matrix o_ck = Σ_u (c-k pairs in unit u) / (m_u - 1), where m_u values are in unit u.
 * Metrics δ²: nominal 1 where c ≠ k; interval (c - k)²; ratio ((c - k) / (c + k))²;
 * ordinal (Σ_{g=c..k} n_g - (n_c + n_k) / 2)².
 *
 * @param units [units][sources]: the values that the sources gave to each unit, null where one gave none
 * @param weights how often each unit counts; once where absent. Units of weight 0 are as good as not there.
 */
export function krippendorffAlpha(
  units: ReadonlyArray<ReadonlyArray<number | null>>,
  level: MeasurementLevel,
  weights?: ArrayLike<number>,
): number | null {
  const pairable = units.flatMap((unit, u) => {
    const given = unit.filter((value): value is number => value !== null);
    const weight = weights === undefined ? 1 : (weights[u] ?? 0);
    return given.length >= 2 && weight > 0 ? [{ given, weight: weight / (given.length - 1) }] : [];
  });
  const values = [...new Set(pairable.flatMap(({ given }) => given))].sort((a, b) => a - b);
  const rankOf = new Map(values.map((value, rank) => [value, rank]));
  const size = values.length;
  const coincidences = new Float64Array(size * size);
  for (const { given, weight } of pairable) {
    const ranks = given.map((value) => rankOf.get(value) ?? 0);
    for (const [i, c] of ranks.entries()) {
      for (const [j, k] of ranks.entries()) {
        if (i !== j) coincidences[c * size + k] = (coincidences[c * size + k] ?? 0) + weight;
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
    case 'ratio':
      return (c, k) => {
        const sum = (values[c] ?? 0) + (values[k] ?? 0);
        return sum === 0 ? 0 : (((values[c] ?? 0) - (values[k] ?? 0)) / sum) ** 2;
      };
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
