import type { Evaluation } from './evaluation.ts';
import { failuresFirst, type GateRules, regressionGate } from './gate.ts';

const statistics = { replies: 60, words: 20, tokens: 30, stopShare: 1, repetition: 0, distinct2: 0.7 };

const baseline: Evaluation = {
  model: 'sft-1',
  reference: 'base-1',
  rewardModel: 'reward-model-1',
  prompts: 60,
  samplesPerPrompt: 2,
  reward: { value: 0, low: -0.1, high: 0.1 },
  rewardGain: { value: 1, low: 0.8, high: 1.2 },
  winRate: {},
  kl: null,
  replies: statistics,
  referenceReplies: null,
  radar: null,
  perDimension: [],
  createdAt: '2026-01-01T00:00:00.000Z',
  settings: {},
};

const better: Evaluation = {
  ...baseline,
  model: 'policy-1',
  reference: 'sft-1',
  rewardGain: { value: 0.5, low: 0.3, high: 0.7 },
  winRate: { gold: { value: 0.7, low: 0.6, high: 0.8 }, rules: { value: 0.55, low: 0.45, high: 0.65 } },
  kl: { value: 5, low: 4, high: 6 },
  replies: { ...statistics, words: 25 },
};

const rules: GateRules = { decidingJudge: 'gold', agreeingJudges: ['rules'], klAtMost: 6 };

const failedOf = (candidate: Evaluation, held: GateRules = rules) =>
  regressionGate(candidate, baseline, held)
    .checks.filter((check) => !check.passed)
    .map((check) => check.name);

describe('regressionGate', () => {
  test('passes what is better in all that is asked for, and says why', () => {
    const { passed, checks } = regressionGate(better, baseline, rules);
    expect(passed).toBe(true);
    expect(checks.map((check) => check.reason).join(' ')).toContain('0.70 (0.60 to 0.80); its lower end is above 0.50');
  });

  test.each<[string, Partial<Evaluation>, string]>([
    [
      'an interval that reaches one half',
      { winRate: { ...better.winRate, gold: { value: 0.6, low: 0.5, high: 0.7 } } },
      'win rate, gold',
    ],
    [
      'a judge who disagrees',
      { winRate: { ...better.winRate, rules: { value: 0.5, low: 0.4, high: 0.6 } } },
      'direction, rules',
    ],
    ['a reward that may not have grown', { rewardGain: { value: 0.1, low: -0.1, high: 0.3 } }, 'reward'],
    ['a KL above the target', { kl: { value: 6.1, low: 6, high: 7 } }, 'KL'],
    ['replies more than twice as long', { replies: { ...statistics, words: 41 } }, 'length'],
    ['replies less than half as long', { replies: { ...statistics, words: 9 } }, 'length'],
    ['another reference', { reference: 'base-1' }, 'same ground'],
    ['other prompts', { prompts: 59 }, 'same ground'],
  ])('fails %s', (_, change, name) => {
    expect(failedOf({ ...better, ...change })).toEqual([name]);
  });

  test('fails what was not measured, rather than pass it', () => {
    expect(failedOf({ ...better, winRate: {}, rewardGain: null, kl: null })).toEqual([
      'win rate, gold',
      'direction, rules',
      'reward',
      'KL',
    ]);
  });

  test('shows three decimals where a figure lies within 0.02 of what it is held to', () => {
    const near: Evaluation = {
      ...better,
      rewardGain: { value: 0.2, low: 0.004, high: 0.4 },
      winRate: { gold: { value: 0.6, low: 0.4996, high: 0.7 }, rules: { value: 0.5004, low: 0.4, high: 0.6 } },
      kl: { value: 6.004, low: 5, high: 7 },
    };
    const reasons = regressionGate(near, baseline, rules).checks.map((check) => check.reason);
    // 0.4996 and 0.5004 both round to 0.500, so the words tell the side.
    expect(reasons.slice(1, 5)).toEqual([
      'The win rate by gold is 0.600 (0.500 to 0.700); its lower end is not above 0.50.',
      'The rules agrees in direction: 0.500 (0.400 to 0.600).',
      'Reward changed by 0.200 (0.004 to 0.400) on the same prompts; the lower end is above 0.00.',
      'KL from the reference is 6.004 nats a reply, above the bound of 6.',
    ]);
  });

  test('failures come first, else in their order', () => {
    const checks = [true, false, true, false].map((passed, i) => ({ passed, i }));
    expect(failuresFirst(checks).map(({ i }) => i)).toEqual([1, 3, 0, 2]);
  });

  test('asks only for what the rules name', () => {
    const lenient: GateRules = { decidingJudge: 'gold', rewardGainAbove: null, lengthRatioAtMost: null };
    expect(failedOf({ ...better, rewardGain: null, kl: null, replies: { ...statistics, words: 99 } }, lenient)).toEqual(
      [],
    );
  });
});
