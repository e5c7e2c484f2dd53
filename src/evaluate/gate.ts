// The regression gate: whether a model may be called better than the one it is held against, and why not.
// A figure that was not measured fails its check; nothing passes for want of evidence.
import type { Evaluation } from './evaluation.ts';
import { axisNumber, formatInterval, formatNumber } from './words.ts';

export interface GateRules {
  /** The judge whose win rate decides: the lower end of its interval must lie above `winRateAbove`. */
  decidingJudge: string;
  /** Default 0.5. */
  winRateAbove?: number;
  /** Judges that must agree in direction: a win rate above one half. */
  agreeingJudges?: ReadonlyArray<string>;
  /** The lower end of the paired reward gain must lie above this; default 0. Null: not asked for. */
  rewardGainAbove?: number | null;
  /** KL from the reference, nats a reply, must not exceed this. Null (the default): not asked for. */
  klAtMost?: number | null;
  /** Mean words a reply may be at most this multiple of the baseline's, and at least its inverse; default 2. */
  lengthRatioAtMost?: number | null;
}

export interface GateCheck {
  name: string;
  passed: boolean;
  /** One sentence with the figures. */
  reason: string;
}

export interface GateResult {
  passed: boolean;
  checks: GateCheck[];
}

/** The checks that failed, then those that passed, each in their order. */
export function failuresFirst<T extends { passed: boolean }>(checks: ReadonlyArray<T>): T[] {
  return [...checks.filter(({ passed }) => !passed), ...checks.filter(({ passed }) => passed)];
}

/** Decimals for a figure that is held against a threshold: three where two could hide on which side it lies. */
export function decimalsNear(value: number, threshold: number): number {
  return Math.abs(value - threshold) < 0.02 ? 3 : 2;
}

/**
 * Holds an evaluation to the rules.
 * @param baseline the evaluation of the model that `candidate` was compared with, which gives the lengths.
 */
export function regressionGate(candidate: Evaluation, baseline: Evaluation, rules: GateRules): GateResult {
  const {
    winRateAbove = 0.5,
    agreeingJudges = [],
    rewardGainAbove = 0,
    klAtMost = null,
    lengthRatioAtMost = 2,
  } = rules;
  const checks = [
    checkReference(candidate, baseline),
    checkDeciding(candidate, rules.decidingJudge, winRateAbove),
    ...agreeingJudges.map((judge) => checkAgreeing(candidate, judge)),
    ...(rewardGainAbove === null ? [] : [checkReward(candidate, rewardGainAbove)]),
    ...(klAtMost === null ? [] : [checkKl(candidate, klAtMost)]),
    ...(lengthRatioAtMost === null ? [] : [checkLength(candidate, baseline, lengthRatioAtMost)]),
  ];
  return { passed: checks.every((check) => check.passed), checks };
}

function checkReference(candidate: Evaluation, baseline: Evaluation): GateCheck {
  const passed = candidate.reference === baseline.model && candidate.prompts === baseline.prompts;
  const reason = passed
    ? `${candidate.model} was compared with ${baseline.model} on the same ${candidate.prompts} prompts.`
    : `${candidate.model} was compared with ${candidate.reference ?? 'nothing'} on ${candidate.prompts} prompts, ` +
      `but the baseline is ${baseline.model} on ${baseline.prompts}.`;
  return { name: 'same ground', passed, reason };
}

function checkDeciding(candidate: Evaluation, judge: string, above: number): GateCheck {
  const rate = candidate.winRate[judge];
  const name = `win rate, ${judge}`;
  if (rate === undefined) return { name, passed: false, reason: `The win rate by ${judge} was not measured.` };
  const passed = rate.low > above;
  const reason =
    `The win rate by ${judge} is ${formatInterval(rate, decimalsNear(rate.low, above))}; its lower end is ` +
    `${passed ? 'above' : 'not above'} ${formatNumber(above)}.`;
  return { name, passed, reason };
}

function checkAgreeing(candidate: Evaluation, judge: string): GateCheck {
  const rate = candidate.winRate[judge];
  const name = `direction, ${judge}`;
  if (rate === undefined) return { name, passed: false, reason: `The win rate by ${judge} was not measured.` };
  const passed = rate.value > 0.5;
  const reason = `The ${judge} ${passed ? 'agrees' : 'does not agree'} in direction: ${formatInterval(rate, decimalsNear(rate.value, 0.5))}.`;
  return { name, passed, reason };
}

function checkReward(candidate: Evaluation, above: number): GateCheck {
  const name = 'reward';
  const gain = candidate.rewardGain;
  if (gain === null) return { name, passed: false, reason: 'The gain in reward was not measured.' };
  const passed = gain.low > above;
  const reason =
    `Reward changed by ${formatInterval(gain, decimalsNear(gain.low, above))} on the same prompts; the lower end is ` +
    `${passed ? 'above' : 'not above'} ${formatNumber(above)}.`;
  return { name, passed, reason };
}

function checkKl(candidate: Evaluation, atMost: number): GateCheck {
  const name = 'KL';
  if (candidate.kl === null) return { name, passed: false, reason: 'KL was not measured.' };
  const passed = candidate.kl.value <= atMost;
  const reason =
    `KL from the reference is ${formatNumber(candidate.kl.value, decimalsNear(candidate.kl.value, atMost))} nats a reply, ` +
    `${passed ? 'within' : 'above'} the bound of ${axisNumber(atMost)}.`;
  return { name, passed, reason };
}

function checkLength(candidate: Evaluation, baseline: Evaluation, atMost: number): GateCheck {
  const name = 'length';
  const [mine, theirs] = [candidate.replies.words, baseline.replies.words];
  if (theirs === 0) return { name, passed: false, reason: `The replies of ${baseline.model} have no words.` };
  const ratio = mine / theirs;
  const passed = ratio <= atMost && ratio >= 1 / atMost;
  const reason =
    `Replies have ${formatNumber(mine, 1)} words against ${formatNumber(theirs, 1)}, ` +
    `${passed ? 'within' : 'not within'} a factor of ${formatNumber(atMost)}.`;
  return { name, passed, reason };
}
