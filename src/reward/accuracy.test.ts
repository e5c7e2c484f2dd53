import { Pair } from '../core/records.ts';
import { accuracyReport, lengthDirection, type ScoredPair } from './accuracy.ts';

let count = 0;
const pairOf = (chosen: string, rejected: string, promptId = `p-${count}`): Pair =>
  Pair.parse({
    id: `pair-${count++}`,
    promptId,
    split: 'heldout',
    chosenId: 'c-1',
    rejectedId: 'c-2',
    chosen,
    rejected,
    softLabel: 1,
    margin: 1,
    provenance: { judgementIds: [], preferences: {}, models: { chosen: 'm', rejected: 'm' } },
  });
const LONG = 'three words here';
const SHORT = 'one';
const scored = (pair: Pair, chosenReward: number, rejectedReward: number): ScoredPair => ({
  pair,
  chosenReward,
  rejectedReward,
});

test('the direction of length is that of most training pairs, ties counting for neither', () => {
  expect(lengthDirection([pairOf(LONG, SHORT), pairOf(LONG, SHORT), pairOf(SHORT, LONG)])).toBe(1);
  expect(lengthDirection([pairOf(SHORT, LONG), pairOf('a b', 'c d')])).toBe(-1);
  expect(lengthDirection([])).toBe(1);
});

test('accuracy counts an equal reward as one half; the baseline knows lengths alone', () => {
  const pairs = [
    scored(pairOf(LONG, SHORT), 2, 1), // right; longer chosen
    scored(pairOf(SHORT, LONG), 0, 1), // wrong; shorter chosen
    scored(pairOf('a b', 'c d'), 1, 1), // equal reward: one half; equal length: one half
    scored(pairOf(LONG, SHORT), 5, -5), // right; longer chosen
  ];
  const { accuracy, lengthBaseline } = accuracyReport(pairs, 1, 1);
  // (1 + 0 + ½ + 1) / 4; and the same for the lengths
  expect(accuracy.value).toBeCloseTo(0.625, 12);
  expect(lengthBaseline.value).toBeCloseTo(0.625, 12);
  expect(accuracyReport(pairs, -1, 1).lengthBaseline.value).toBeCloseTo(0.375, 12);
  expect(accuracy.low).toBeLessThan(accuracy.value);
  expect(accuracy.high).toBeGreaterThan(accuracy.value);
});

test('the interval is over prompts: many pairs of one prompt are not many prompts', () => {
  const right = (promptId: string) => scored(pairOf(LONG, SHORT, promptId), 1, 0);
  const wrong = (promptId: string) => scored(pairOf(LONG, SHORT, promptId), 0, 1);
  const many = Array.from({ length: 20 }, (_, i) => (i % 2 ? right(`q-${i}`) : wrong(`q-${i}`)));
  const few = Array.from({ length: 20 }, (_, i) => (i % 2 ? right('q-right') : wrong('q-wrong')));
  const width = (pairs: ScoredPair[]) => {
    const { low, high } = accuracyReport(pairs, 1, 3).accuracy;
    return high - low;
  };
  expect(width(few)).toBeGreaterThan(2 * width(many));
});

test('the same seed gives the same interval', () => {
  const pairs = Array.from({ length: 9 }, (_, i) => scored(pairOf(LONG, SHORT), i % 3, 1));
  expect(accuracyReport(pairs, 1, 7)).toEqual(accuracyReport(pairs, 1, 7));
});

test('no pair is an error, not an accuracy', () => {
  expect(() => accuracyReport([], 1, 1)).toThrow();
});
