import { explainedVariance, generalizedAdvantages, tokenRewards, whiten } from './advantages.ts';

const expectClose = (actual: ReadonlyArray<number>, expected: ReadonlyArray<number>, digits = 10) => {
  expect(actual).toHaveLength(expected.length);
  for (const [i, value] of expected.entries()) expect(actual[i]).toBeCloseTo(value, digits);
};

describe('rewards a token', () => {
  test('each token pays for its divergence, the last one earns the score', () => {
    // β = 0.1: -0.1 (-1 + 1.5) = -0.05; -0.1 (-2 + 1) + 3 = 3.1
    const rewards = tokenRewards({ logProbs: [-1, -2], refLogProbs: [-1.5, -1], score: 3 }, { klCoefficient: 0.1 });
    expectClose(rewards, [-0.05, 3.1]);
  });

  test('a reply of one token has both at once, one of none has nothing', () => {
    // -0.5 (-1 + 3) - 2 = -3
    expectClose(tokenRewards({ logProbs: [-1], refLogProbs: [-3], score: -2 }, { klCoefficient: 0.5 }), [-3]);
    expect(tokenRewards({ logProbs: [], refLogProbs: [], score: 1 }, { klCoefficient: 0.5 })).toEqual([]);
  });

  test('they add up to the score less β times the divergence', () => {
    const [logProbs, refLogProbs] = [
      [-1, -0.2, -3],
      [-2, -0.1, -2.5],
    ];
    // Σ log π - log π_ref = 1 - 0.1 - 0.5 = 0.4; 2 - 0.3 · 0.4 = 1.88
    const rewards = tokenRewards({ logProbs, refLogProbs, score: 2 }, { klCoefficient: 0.3 });
    expect(rewards.reduce((sum, reward) => sum + reward, 0)).toBeCloseTo(1.88, 10);
  });
});

describe('generalised advantages', () => {
  test('γ = 1, λ = 0.95, three tokens', () => {
    // δ = 0 + 0.4 - 0.5 = -0.1; 0 + 0.3 - 0.4 = -0.1; 1 + 0 - 0.3 = 0.7
    // A₂ = 0.7; A₁ = -0.1 + 0.95 · 0.7 = 0.565; A₀ = -0.1 + 0.95 · 0.565 = 0.43675; R = A + V
    const { advantages, returns } = generalizedAdvantages([0, 0, 1], [0.5, 0.4, 0.3], { gamma: 1, lambda: 0.95 });
    expectClose(advantages, [0.43675, 0.565, 0.7]);
    expectClose(returns, [0.93675, 0.965, 1]);
  });

  test('γ = 0.9, λ = 0.5', () => {
    // δ₁ = 2 - 1 = 1; δ₀ = 1 + 0.9 · 1 - 3 = -1.1; A₀ = -1.1 + 0.45 · 1 = -0.65
    const { advantages, returns } = generalizedAdvantages([1, 2], [3, 1], { gamma: 0.9, lambda: 0.5 });
    expectClose(advantages, [-0.65, 1]);
    expectClose(returns, [2.35, 2]);
  });

  test('with λ = 1 the returns are the sums of the rewards to come, whatever the values', () => {
    const options = { gamma: 1, lambda: 1 };
    expectClose(generalizedAdvantages([1, -2, 4], [9, 7, -3], options).returns, [3, 2, 4]);
    expectClose(generalizedAdvantages([1, -2, 4], [0, 0, 0], options).returns, [3, 2, 4]);
  });

  test('with λ = 0 an advantage is the one-step error', () => {
    // 1 + 2 - 3 = 0; 5 - 2 = 3
    expectClose(generalizedAdvantages([1, 5], [3, 2], { gamma: 1, lambda: 0 }).advantages, [0, 3]);
  });

  test('one token and none', () => {
    expectClose(generalizedAdvantages([2], [0.5], { gamma: 1, lambda: 0.95 }).advantages, [1.5]);
    expect(generalizedAdvantages([], [], { gamma: 1, lambda: 0.95 })).toEqual({ advantages: [], returns: [] });
  });
});

describe('whitening', () => {
  const ROWS = [
    [1.2, 1.3, 1.4],
    [1.5, 1.6, 1.7],
    [1.8, 1.9, 2.0],
  ];

  test('agrees with the published values of the unbiased variance', () => {
    // Huang et al. (2023), The N implementation details of RLHF with PPO; mean 1.6, unbiased variance 0.6 / 8 = 0.075:
    // 1.6 - 0.4 / √0.075 = 0.1394
    expectClose(whiten(ROWS, { shiftMean: false })[0] ?? [], [0.1394, 0.5046, 0.8697], 4);
    // With the mean shifted to 0: -0.4 / √0.075 = -1.4606
    expectClose(whiten(ROWS)[0] ?? [], [-1.4606, -1.0954, -0.7303], 4);
    expectClose(whiten(ROWS)[1] ?? [], [-0.3651, 0, 0.3651], 4);
  });

  test('is over all tokens of all replies, which may differ in length', () => {
    const result = whiten([[1], [2, 6], []]);
    expect(result.map((row) => row.length)).toEqual([1, 2, 0]);
    const all = result.flat();
    expect(all.reduce((sum, value) => sum + value, 0)).toBeCloseTo(0, 10);
    expect(all.reduce((sum, value) => sum + value ** 2, 0) / 2).toBeCloseTo(1, 6);
  });

  test('one value stays, and equal values become 0', () => {
    expect(whiten([[5], []])).toEqual([[5], []]);
    expect(whiten([[3, 3]])).toEqual([[0, 0]]);
  });
});

test('explained variance: 1 for a perfect critic, 0 for the mean, below 0 for worse, null for constant returns', () => {
  expect(explainedVariance([1, 2, 3], [1, 2, 3])).toBe(1);
  expect(explainedVariance([2, 2, 2], [1, 2, 3])).toBe(0);
  // Var(returns - values) = Var(2, 0, -2) · … : returns (1, 2, 3), values (3, 2, 1): 1 - 4 · ⅔ / ⅔ = -3
  expect(explainedVariance([3, 2, 1], [1, 2, 3])).toBeCloseTo(-3, 10);
  expect(explainedVariance([1, 2], [4, 4])).toBeNull();
});
