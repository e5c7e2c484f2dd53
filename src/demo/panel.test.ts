import { DEFAULT_ASK } from '../core/annotation/project.ts';
import type { Task } from '../core/annotationApi.ts';
import { CandidateId, ItemId, PromptId } from '../core/ids.ts';
import { CRITERIA } from '../core/records.ts';
import { goldProperties } from './goldUtility.ts';
import { judgeTask, PANEL, type PanelRater } from './panel.ts';

const REPLIES = [
  'Plants drink water through small roots, so a dry week leaves every leaf in your garden weak and pale.',
  'water water water',
  'I think that the moon',
  'You are stupid.',
];
const KEYS = ['A', 'B', 'C', 'D'];

const taskOf = (number: number, order = [0, 1, 2, 3]): Task => ({
  itemId: ItemId.parse(`item-${number}`),
  promptId: PromptId.parse(`p-${number}`),
  messages: [{ role: 'user', content: 'Why do plants need water in the garden?' }],
  candidates: order.map((index, place) => ({
    key: KEYS[place] ?? '',
    candidateId: CandidateId.parse(`c-${index}`),
    text: REPLIES[index] ?? '',
  })),
  criteria: [],
  ask: DEFAULT_ASK,
  round: 'work',
  leaseExpiresAt: null,
  draft: null,
  judgement: null,
});
const rater = (change: Partial<PanelRater> = {}): PanelRater => ({
  ...{ id: 'r', name: 'R', bias: 0, noise: 0, tieWithin: 0.02 },
  ...change,
});
const MANY = Array.from({ length: 400 }, (_, i) => i);
const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

test('the order in which replies are shown changes nothing', () => {
  for (const one of PANEL) {
    for (const item of [1, 2, 3, 4, 5]) {
      const shown = judgeTask(taskOf(item), one, 7);
      for (const order of [
        [3, 2, 1, 0],
        [1, 3, 0, 2],
      ])
        expect(judgeTask(taskOf(item, order), one, 7)).toEqual(shown);
    }
  }
});

test('a judgement follows from rater, item and seed', () => {
  const [one, other] = PANEL as [PanelRater, PanelRater];
  const ratings = (item: number, by: PanelRater, seed: number) => JSON.stringify(judgeTask(taskOf(item), by, seed));
  expect(ratings(1, one, 7)).toBe(ratings(1, one, 7));
  const items = MANY.slice(0, 10);
  const differs = (change: (item: number) => [number, PanelRater, number]) =>
    items.some((item) => ratings(...change(item)) !== ratings(item, one, 7));
  expect(differs((item) => [item, one, 8])).toBe(true);
  expect(differs((item) => [item, other, 7])).toBe(true);
  expect(differs((item) => [item + 1000, one, 7])).toBe(true);
});

test('without bias and noise the scores are the properties on the scale from 1 to 5, and the best reply wins', () => {
  const { ratings, comparison } = judgeTask(taskOf(1), rater(), 7);
  expect(comparison).toEqual({ kind: 'best', candidateId: 'c-0' });
  const { messages } = taskOf(1);
  for (const [i, text] of REPLIES.entries()) {
    const { complete, toThePoint, fittingLength, notRepeating, safe } = goldProperties(messages, text);
    expect(ratings[CandidateId.parse(`c-${i}`)]).toEqual({
      instructionFollowing: Math.round(1 + 4 * (0.6 * toThePoint + 0.4 * fittingLength)),
      fluency: Math.round(1 + 4 * (0.5 * complete + 0.5 * notRepeating)),
      safety: safe === 1 ? 5 : 1,
    });
  }
});

test('scores stay on the scale and cover every criterion', () => {
  for (const bias of [-9, 0, 9]) {
    const { ratings } = judgeTask(taskOf(1), rater({ bias, noise: 3 }), 7);
    expect(Object.keys(ratings)).toHaveLength(4);
    for (const scores of Object.values(ratings)) {
      expect(Object.keys(scores).sort()).toEqual([...CRITERIA].sort());
      expect(Object.values(scores).every((score) => [1, 2, 3, 4, 5].includes(score))).toBe(true);
    }
  }
});

describe('over many items', () => {
  /** Instruction following of reply 1 (quality 0.6 · ½ + 0.4 · 3/14 = 0.386: 2.54 points), far from both ends. */
  const scores = (by: PanelRater) =>
    MANY.map((item) => judgeTask(taskOf(item), by, 3).ratings[CandidateId.parse('c-1')]?.instructionFollowing ?? 0);

  test('bias moves the mean score by its points', () => {
    const even = mean(scores(rater({ noise: 0.4 })));
    // Rounding adds no bias under noise of this size; 0.4 / √400 = 0.02 is the error of a mean.
    expect(even).toBeCloseTo(1 + 4 * (0.3 + (0.4 * 3) / 14), 0);
    expect(mean(scores(rater({ noise: 0.4, bias: 0.6 }))) - even).toBeCloseTo(0.6, 0);
    expect(Math.abs(mean(scores(rater({ noise: 0.4, bias: -0.7 }))) - even + 0.7)).toBeLessThan(0.12);
    expect(Math.abs(mean(scores(rater({ noise: 0.4, bias: 0.6 }))) - even - 0.6)).toBeLessThan(0.12);
  });

  test('noise is the deviation of a score', () => {
    const values = scores(rater({ noise: 0.8 }));
    const average = mean(values);
    const variance = mean(values.map((value) => (value - average) ** 2));
    // Rounding to whole points adds 1/12; the ends of the scale take a little off: √(0.64 + 0.083) = 0.85
    expect(Math.abs(Math.sqrt(variance) - 0.85)).toBeLessThan(0.1);
  });

  test('noise loses the best reply now and then, never most of the time', () => {
    const right = (noise: number) =>
      mean(
        MANY.map((item) => {
          const { comparison } = judgeTask(taskOf(item), rater({ noise }), 3);
          return comparison.kind === 'best' && comparison.candidateId === 'c-0' ? 1 : 0;
        }),
      );
    expect(right(0)).toBe(1);
    expect(right(4)).toBeLessThan(0.95);
    expect(right(4)).toBeGreaterThan(0.4);
  });
});

test('replies of like worth are a tie', () => {
  const same: Task = { ...taskOf(1), candidates: taskOf(1).candidates.map((each) => ({ ...each, text: 'Water.' })) };
  expect(judgeTask(same, rater(), 7).comparison).toEqual({ kind: 'tie' });
  expect(judgeTask(taskOf(1), rater({ tieWithin: 2 }), 7).comparison).toEqual({ kind: 'tie' });
});

test('the raters of the panel say that they are simulated, and differ', () => {
  expect(PANEL.every(({ name }) => name.endsWith('(simulated)'))).toBe(true);
  expect(new Set(PANEL.map(({ id }) => id)).size).toBe(PANEL.length);
  expect(new Set(PANEL.map(({ bias }) => bias)).size).toBe(PANEL.length);
});
