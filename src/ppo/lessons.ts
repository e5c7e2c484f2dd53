// From roll-outs to what is learned from: rewards a token, advantages and returns of each reply.
import { generalizedAdvantages, tokenRewards, whiten } from './advantages.ts';
import type { PpoConfig } from './config.ts';
import { type RewardScale, replyScore } from './replyScore.ts';
import type { Episode } from './rollout.ts';

/** An episode ready for optimisation. */
export interface Lesson extends Episode {
  advantages: number[];
  returns: number[];
}

/** The lessons of one iteration's episodes, in their order; advantages whitened over all tokens where asked. */
export function lessonsOf(
  episodes: ReadonlyArray<Episode>,
  { config, scale, klCoefficient }: { config: PpoConfig; scale: RewardScale; klCoefficient: number },
): Lesson[] {
  const judged = episodes.map((episode) => {
    const rewards = tokenRewards({ ...episode, score: replyScore(episode, config, scale) }, { klCoefficient });
    return { ...episode, ...generalizedAdvantages(rewards, episode.values, config) };
  });
  if (!config.whitenAdvantages) return judged;
  const whitened = whiten(judged.map((lesson) => lesson.advantages));
  return judged.map((lesson, i) => ({ ...lesson, advantages: whitened[i] ?? lesson.advantages }));
}
