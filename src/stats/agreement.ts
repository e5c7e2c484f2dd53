// How far sources agree beyond chance. Every figure is null where the data do not determine it (nothing to
// compare, or no variation at all), never 0 or NaN.
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
 *
 * @param weights how often each unit counts; once where absent
 */
export function cohenKappa<T extends Value>(
  a: ReadonlyArray<T | null>,
  b: ReadonlyArray<T | null>,
  weights?: ArrayLike<number>,
): number | null {
  const ofA = new Map<T, number>();
  const ofB = new Map<T, number>();
  let total = 0;
  let agreed = 0;
  for (const [i, x] of a.entries()) {
    const y = b[i] ?? null;
    const weight = weights === undefined ? 1 : (weights[i] ?? 0);
    if (x === null || y === null || weight === 0) continue;
    total += weight;
    if (x === y) agreed += weight;
    ofA.set(x, (ofA.get(x) ?? 0) + weight);
    ofB.set(y, (ofB.get(y) ?? 0) + weight);
  }
  if (total === 0) return null;
  const chance = [...ofA].reduce((sum, [value, count]) => sum + (count / total) * ((ofB.get(value) ?? 0) / total), 0);
  return 1 - chance < 1e-12 ? null : (agreed / total - chance) / (1 - chance);
}

/**
 * Fleiss' kappa (Fleiss 1971, equations 1 to 6): κ = (P̄ - P̄_e) / (1 - P̄_e), with P̄ the mean over items of
 * P_i = Σ_j n_ij (n_ij - 1) / (n (n - 1)) and P̄_e = Σ_j p_j², p_j the share of label j among all ratings.
 * It asks for the same number n of ratings of each item, so it is null where that varies, or where n is less than 2.
 *
 * @param counts [items][labels]: how many gave the label to the item; items without any rating are passed over
 * @param weights how often each item counts; once where absent
 */
export function fleissKappa(counts: ReadonlyArray<ReadonlyArray<number>>, weights?: ArrayLike<number>): number | null {
  const weightOf = (item: number) => (weights === undefined ? 1 : (weights[item] ?? 0));
  const ratingsOf = counts.map((row) => row.reduce((a, b) => a + b, 0));
  const rated = [...counts.keys()].filter((item) => (ratingsOf[item] ?? 0) > 0 && weightOf(item) > 0);
  const n = ratingsOf[rated[0] ?? -1] ?? 0;
  if (n < 2 || rated.some((item) => ratingsOf[item] !== n)) return null;
  const items = rated.reduce((sum, item) => sum + weightOf(item), 0);
  const labelShares = new Map<number, number>();
  let agreement = 0;
  for (const item of rated) {
    const weight = weightOf(item);
    for (const [label, count] of (counts[item] ?? []).entries()) {
      agreement += (weight * count * (count - 1)) / (n * (n - 1) * items);
      labelShares.set(label, (labelShares.get(label) ?? 0) + (weight * count) / (n * items));
    }
  }
  const chance = [...labelShares.values()].reduce((sum, share) => sum + share * share, 0);
  return 1 - chance < 1e-12 ? null : (agreement - chance) / (1 - chance);
}
