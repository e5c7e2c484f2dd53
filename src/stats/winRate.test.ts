import { resultOf, winRate } from './winRate.ts';

test('a tie counts as half a win', () => {
  // (1 + 0.5 + 0 + 1) / 4 = 0.625.
  const found = winRate([['win', 'tie'], ['loss'], ['win']], { seed: 1 });
  expect(found.value).toBeCloseTo(0.625, 12);
  expect(found.low).toBeLessThan(0.625);
  expect(found.high).toBeGreaterThan(0.625);
});

test('all ties are one half with no width', () => {
  expect(winRate([['tie'], ['tie', 'tie']], { seed: 1 })).toEqual({ value: 0.5, low: 0.5, high: 0.5 });
});

test('a difference within the tie band is a tie', () => {
  expect(resultOf(0.5, 0.45, 0.1)).toBe('tie');
  expect(resultOf(0.5, 0.2, 0.1)).toBe('win');
  expect(resultOf(0.2, 0.5, 0.1)).toBe('loss');
  expect(resultOf(0.2, 0.2)).toBe('tie');
});
