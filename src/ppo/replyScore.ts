// From the reward model's output to the score that a reply's last token earns.
import type { PpoConfig } from './config.ts';
import type { Episode } from './rollout.ts';

/** Mean and deviation of the reward model's outputs over its training replies. */
export interface RewardScale {
  mean: number;
  deviation: number;
}

/**
 * The reward, normalised by the reward model's own scale where asked, clipped to ± rewardClip, less the penalty of a
 * reply that ran out of tokens.
 */
export function replyScore(
  { reward, finishReason }: Pick<Episode, 'reward' | 'finishReason'>,
  config: Pick<PpoConfig, 'normalizeReward' | 'rewardClip' | 'missingEndPenalty'>,
  scale: RewardScale,
): number {
  const normalized = config.normalizeReward ? (reward - scale.mean) / scale.deviation : reward;
  const clipped = Math.min(config.rewardClip, Math.max(-config.rewardClip, normalized));
  return clipped - (finishReason === 'length' ? config.missingEndPenalty : 0);
}
