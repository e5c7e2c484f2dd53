import { replyScore } from './replyScore.ts';

const CONFIG = { normalizeReward: true, rewardClip: 2, missingEndPenalty: 0.5 };
const SCALE = { mean: 3, deviation: 4 };
const score = (reward: number, finishReason: 'stop' | 'length' = 'stop', change: Partial<typeof CONFIG> = {}) =>
  replyScore({ reward, finishReason }, { ...CONFIG, ...change }, SCALE);

test('the reward is put on the scale of the reward model', () => {
  // (5 - 3) / 4; (3 - 3) / 4; (-3 - 3) / 4
  expect([score(5), score(3), score(-3)]).toEqual([0.5, 0, -1.5]);
  expect(score(1.5, 'stop', { normalizeReward: false })).toBe(1.5);
});

test('it is clipped on both sides after normalising', () => {
  // (99 - 3) / 4 = 24; (-99 - 3) / 4 = -25.5
  expect([score(99), score(-99)]).toEqual([2, -2]);
});

test('a reply that never ended pays on top, below the clip if need be', () => {
  expect([score(5, 'length'), score(-99, 'length')]).toEqual([0, -2.5]);
});
