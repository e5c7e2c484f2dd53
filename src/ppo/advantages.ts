// Rewards a token, advantages and returns of replies, as plain numbers: replies differ in length, and nothing is padded.

export interface TokenRewardOptions {
  /** Penalty a nat, β. */
  klCoefficient: number;
}

/**
 * Reward of each token: -β (log π - log π_ref) at every token, and the reply's score added at its last.
 * Source: Ziegler et al. (2019), equation 2, the penalty spread over the tokens (estimator k1 of Schulman 2020).
 * @param logProbs and refLogProbs [tokens] of the sampled tokens
 */
export function tokenRewards(
  {
    logProbs,
    refLogProbs,
    score,
  }: { logProbs: ReadonlyArray<number>; refLogProbs: ReadonlyArray<number>; score: number },
  { klCoefficient }: TokenRewardOptions,
): number[] {
  const last = logProbs.length - 1;
  return logProbs.map((logProb, t) => -klCoefficient * (logProb - (refLogProbs[t] ?? 0)) + (t === last ? score : 0));
}

/**
 * Generalised advantage estimation: δ_t = r_t + γ V_{t+1} - V_t, A_t = δ_t + γ λ A_{t+1}, V after the last token 0.
 * Source: Schulman et al. (2016), equations 11 and 16. Returns are A_t + V_t.
 * @param rewards [tokens] @param values [tokens]: V before each token was drawn
 */
export function generalizedAdvantages(
  rewards: ReadonlyArray<number>,
  values: ReadonlyArray<number>,
  { gamma, lambda }: { gamma: number; lambda: number },
): { advantages: number[]; returns: number[] } {
  const advantages = new Array<number>(rewards.length).fill(0);
  let next = 0;
  for (let t = rewards.length - 1; t >= 0; t--) {
    const delta = (rewards[t] ?? 0) + gamma * (values[t + 1] ?? 0) - (values[t] ?? 0);
    next = delta + gamma * lambda * next;
    advantages[t] = next;
  }
  return { advantages, returns: advantages.map((advantage, t) => advantage + (values[t] ?? 0)) };
}

/**
 * All values shifted to mean 0 (kept with `shiftMean: false`) and scaled to variance 1, over every token of every reply.
 * The variance is the unbiased one, as in TRL; OpenAI's original code has the biased one. Fewer than two values stay.
 */
export function whiten(rows: ReadonlyArray<ReadonlyArray<number>>, { shiftMean = true } = {}): number[][] {
  const all = rows.flat();
  if (all.length < 2) return rows.map((row) => [...row]);
  const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
  const variance = all.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (all.length - 1);
  const scale = 1 / Math.sqrt(variance + 1e-8);
  return rows.map((row) => row.map((value) => (value - mean) * scale + (shiftMean ? 0 : mean)));
}

/** 1 - Var(returns - values) / Var(returns): 1 is a perfect critic, 0 one that knows only the mean. Null for constant returns. */
export function explainedVariance(values: ReadonlyArray<number>, returns: ReadonlyArray<number>): number | null {
  const varianceOf = (numbers: ReadonlyArray<number>) => {
    const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
    return numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0) / numbers.length;
  };
  const total = varianceOf(returns);
  if (total === 0) return null;
  return 1 - varianceOf(returns.map((value, i) => value - (values[i] ?? 0))) / total;
}
