import { CandidateId } from '../core/ids.ts';
import {
  answerSchemaFor,
  byCandidate,
  combineOrders,
  labelsFor,
  type OrderVerdict,
  roundHalfToEven,
} from './verdict.ts';

const [X, Y] = [CandidateId.parse('x'), CandidateId.parse('y')];
const points = <T extends number>(value: T) => ({ instructionFollowing: value, fluency: value, safety: value });
const order = (x: number, y: number, best: CandidateId | null): OrderVerdict => ({
  scores: new Map([
    [X, points(x)],
    [Y, points(y)],
  ]),
  best,
});

test('halves are rounded to even', () => {
  expect([1.5, 2.5, 3.5, 4.5, 3, 2.4].map(roundHalfToEven)).toEqual([2, 2, 4, 4, 3, 2]);
});

test('two orders that agree give their best and the mean of their scores', () => {
  // (5 + 4) / 2 = 4.5 → 4; (2 + 1) / 2 = 1.5 → 2.
  expect(combineOrders(order(5, 2, X), order(4, 1, X))).toEqual({
    ratings: { x: points(4), y: points(2) },
    comparison: { kind: 'best', candidateId: X },
    positionConsistent: true,
  });
});

test.each([
  ['two different bests', X, Y, false],
  ['a best and a tie', X, null, false],
  ['two ties', null, null, true],
])('%s give a tie', (_, first, second, positionConsistent) => {
  expect(combineOrders(order(3, 3, first), order(3, 3, second))).toMatchObject({
    comparison: { kind: 'tie' },
    positionConsistent,
  });
});

test('an answer must score every reply it was shown, and nothing else, in whole points', () => {
  const schema = answerSchemaFor(labelsFor(2));
  const good = { reasoning: '', scores: { A: points(1), B: points(5) }, best: 'tie' };
  expect(schema.safeParse(good).success).toBe(true);
  for (const bad of [
    { ...good, scores: { A: points(1) } },
    { ...good, scores: { ...good.scores, C: points(1) } },
    { ...good, scores: { A: points(1), B: points(4.5) } },
    { ...good, scores: { A: points(0), B: points(5) } },
    { ...good, best: 'C' },
  ]) {
    expect(schema.safeParse(bad).success).toBe(false);
  }
});

test('labels lead back to candidates', () => {
  const answer = { reasoning: '', scores: { A: points(1), B: points(5) }, best: 'B' };
  const replies = [Y, X].map((id) => ({ id, text: '', finishReason: 'stop' as const }));
  const found = byCandidate(answer, replies);
  expect(found.best).toBe(X);
  expect(found.scores.get(X)).toEqual(points(5));
});
