import { PromptId } from '../core/ids.ts';
import { Prompt } from '../core/records.ts';
import { comparePolicies } from './comparePolicies.ts';
import { type EvaluatedReply, rewardUtility } from './evaluatedReply.ts';

const prompt = (id: string, dimension: string | null = null) =>
  Prompt.parse({ id, dimension, messages: [{ role: 'user', content: id }] });

const reply = (promptId: string, reward?: number): EvaluatedReply => ({
  promptId: PromptId.parse(promptId),
  text: 'yes',
  tokens: 2,
  finishReason: 'stop',
  ...(reward === undefined ? {} : { reward }),
});

const utility = rewardUtility;

describe('comparePolicies', () => {
  test('compares every sample with every sample, a tie counting one half', () => {
    // p1: (2 > 1) (2 = 2) (0 < 1) (0 < 2): 1.5 of 4. p2: 3 > 0: 1 of 1. Mean of the shares: (0.375 + 1) / 2.
    const result = comparePolicies({
      prompts: [prompt('p1', 'x'), prompt('p2', 'y')],
      repliesA: [reply('p1', 2), reply('p2', 3), reply('p1', 0)],
      repliesB: [reply('p2', 0), reply('p1', 1), reply('p1', 2)],
      utility,
      seed: 1,
    });
    expect(result.perPrompt.map(({ share }) => share)).toEqual([0.375, 1]);
    expect(result.winRate.value).toBe(0.6875);
    expect([result.wins, result.ties, result.losses]).toEqual([2, 1, 2]);
    expect(result.byDimension).toEqual({ x: 0.375, y: 1 });
  });

  test('counts utilities within the band as a tie', () => {
    // 1.1 > 1 by 0.1: a tie within 0.15, a win within 0.05.
    const options = {
      prompts: [prompt('p1')],
      repliesA: [reply('p1', 1.1)],
      repliesB: [reply('p1', 1)],
      utility,
      seed: 1,
    };
    expect(comparePolicies({ ...options, tieWithin: 0.15 }).winRate.value).toBe(0.5);
    expect(comparePolicies({ ...options, tieWithin: 0.05 }).winRate.value).toBe(1);
  });

  test('is one half, at both ends, for a model against itself', () => {
    const prompts = ['a', 'b', 'c'].map((id) => prompt(id));
    const replies = ['a', 'b', 'c'].map((id, i) => reply(id, i));
    const { winRate } = comparePolicies({ prompts, repliesA: replies, repliesB: replies, utility, seed: 1 });
    expect(winRate).toEqual({ value: 0.5, low: 0.5, high: 0.5 });
  });

  test('changing sides mirrors the value, and the interval holds it', () => {
    const ids = Array.from({ length: 40 }, (_, i) => `p${i}`);
    const prompts = ids.map((id) => prompt(id));
    const repliesA = ids.map((id, i) => reply(id, i % 4 === 0 ? 0 : 2));
    const repliesB = ids.map((id) => reply(id, 1));
    // 30 of 40 prompts won; binomial standard error sqrt(0.75 * 0.25 / 40) = 0.068, so about 0.62 to 0.88.
    const forth = comparePolicies({ prompts, repliesA, repliesB, utility, seed: 3 }).winRate;
    const back = comparePolicies({ prompts, repliesA: repliesB, repliesB: repliesA, utility, seed: 3 }).winRate;
    expect(forth.value).toBe(0.75);
    expect(back.value).toBe(0.25);
    expect(forth.low).toBeGreaterThan(0.55);
    expect(forth.low).toBeLessThan(0.68);
    expect(forth.high).toBeGreaterThan(0.82);
    expect(forth.high).toBeLessThan(0.95);
  });

  test('several samples of one prompt do not narrow the interval as several prompts would', () => {
    const prompts = [prompt('a'), prompt('b')];
    const many = (id: string, reward: number) => Array.from({ length: 50 }, () => reply(id, reward));
    const { winRate } = comparePolicies({
      prompts,
      repliesA: [...many('a', 1), ...many('b', 0)],
      repliesB: [reply('a', 0.5), reply('b', 0.5)],
      utility,
      seed: 1,
    });
    expect(winRate).toEqual({ value: 0.5, low: 0, high: 1 });
  });

  test('names a prompt without replies, a reply without a prompt, and a reply without a reward', () => {
    const prompts = [prompt('a')];
    const compare = (repliesA: EvaluatedReply[], repliesB: EvaluatedReply[]) => () =>
      comparePolicies({ prompts, repliesA, repliesB, utility, seed: 1 });
    expect(compare([reply('a', 1)], [])).toThrow(/a has none/);
    expect(compare([reply('a', 1), reply('z', 1)], [reply('a', 1)])).toThrow(/got one to z/);
    expect(compare([reply('a')], [reply('a', 1)])).toThrow(/Expected a reward for every reply, the one to a has none/);
  });
});
