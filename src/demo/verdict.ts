// Whether the demo's policy got better, and the figures it is told by.

import type { Evaluation } from '../evaluate/evaluation.ts';
import { type GateResult, regressionGate } from '../evaluate/gate.ts';
import type { Interval } from '../evaluate/interval.ts';
import { RULE_JUDGE } from '../evaluate/judges.ts';
import { KL_TARGET } from './plan.ts';
import { type DemoOutcome, GOLD_JUDGE } from './runDemo.ts';

/** The last line of `fourfold demo --json`. */
export interface DemoSummary {
  passed: boolean;
  seconds: number;
  /** KL of the policy from the SFT model on the held-out prompts, nats a reply, and what it had to stay within. */
  kl: number;
  klTarget: number;
  reward: { base: number; sft: number; policy: number };
  /** By the panel's gold utility, without bias and noise. */
  winRate: { sftOverBase: Interval; policyOverSft: Interval };
  rewardModel: { accuracy: number; lengthBaseline: number };
}

export interface DemoVerdict {
  summary: DemoSummary;
  /** Each check with its figures, the first comparison's first. */
  checks: Array<GateResult['checks'][number] & { of: string }>;
}

const goldRate = (evaluation: Evaluation): Interval => {
  const rate = evaluation.winRate[GOLD_JUDGE.name];
  if (rate === undefined) throw new Error(`The evaluation of ${evaluation.model} lacks the ${GOLD_JUDGE.name}.`);
  return rate;
};

/**
 * Passed means: SFT beats base and the policy beats SFT on the held-out prompts, each with the lower end of the interval
 * above one half by the gold utility; the rule-based judge agrees in direction; reward is up; KL is within the target.
 */
export function judgeDemo({ evaluations, rewardModel }: DemoOutcome, seconds: number): DemoVerdict {
  const [base, sft, policy] = [evaluations.base.evaluation, evaluations.sft.evaluation, evaluations.policy.evaluation];
  const rules = { decidingJudge: GOLD_JUDGE.name, agreeingJudges: [RULE_JUDGE.name], lengthRatioAtMost: null };
  const first = regressionGate(sft, base, { ...rules, rewardGainAbove: null });
  const second = regressionGate(policy, sft, { ...rules, rewardGainAbove: 0, klAtMost: KL_TARGET });
  const rewardOf = (evaluation: Evaluation) => evaluation.reward?.value ?? Number.NaN;
  return {
    summary: {
      passed: first.passed && second.passed,
      seconds,
      kl: policy.kl?.value ?? Number.NaN,
      klTarget: KL_TARGET,
      reward: { base: rewardOf(base), sft: rewardOf(sft), policy: rewardOf(policy) },
      winRate: { sftOverBase: goldRate(sft), policyOverSft: goldRate(policy) },
      rewardModel: {
        accuracy: rewardModel.metrics.accuracy ?? Number.NaN,
        lengthBaseline: rewardModel.metrics.lengthBaseline ?? Number.NaN,
      },
    },
    checks: [
      ...first.checks.map((check) => ({ ...check, of: 'SFT over base' })),
      ...second.checks.map((check) => ({ ...check, of: 'policy over SFT' })),
    ],
  };
}
