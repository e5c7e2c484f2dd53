import { bradleyTerry, type Match } from './bradleyTerry.ts';

const times = (count: number, match: Match): Match[] => Array.from({ length: count }, () => match);

test('two contestants: the odds are the wins', () => {
  // Without a prior P(a beats b) = 3/4, so λ_a - λ_b = ln 3.
  const found = bradleyTerry([...times(3, { a: 'a', b: 'b', score: 1 }), { a: 'a', b: 'b', score: 0 }], { prior: 0 });
  expect((found.get('a') ?? 0) - (found.get('b') ?? 0)).toBeCloseTo(Math.log(3), 6);
  expect((found.get('a') ?? 0) + (found.get('b') ?? 0)).toBeCloseTo(0, 12);
});

test('a tie is half a win, from whichever side it is told', () => {
  const found = bradleyTerry([
    { a: 'a', b: 'b', score: 0.5 },
    { a: 'b', b: 'a', score: 0.5 },
  ]);
  expect(found.get('a')).toBeCloseTo(0, 9);
});

test('recovers strengths from the expected scores of all pairs', () => {
  // Scores that are exactly σ(λ_i - λ_j) make the true strengths the maximum of the likelihood.
  const truth = new Map([
    ['x', 1],
    ['y', 0.2],
    ['z', -1.2],
  ]);
  const matches = [...truth].flatMap(([a, la]) =>
    [...truth].filter(([b]) => a < b).map(([b, lb]) => ({ a, b, score: 1 / (1 + Math.exp(lb - la)) })),
  );
  const found = bradleyTerry(matches, { prior: 0 });
  for (const [name, strength] of truth) expect(found.get(name)).toBeCloseTo(strength, 5);
});

test('the prior keeps an unbeaten contestant finite', () => {
  const found = bradleyTerry(times(5, { a: 'a', b: 'b', score: 1 }));
  expect(Number.isFinite(found.get('a') ?? Number.NaN)).toBe(true);
  expect(found.get('a') ?? 0).toBeGreaterThan(found.get('b') ?? 0);
});

test('no matches give no strengths; a match with oneself is refused', () => {
  expect(bradleyTerry([]).size).toBe(0);
  expect(() => bradleyTerry([{ a: 'a', b: 'a', score: 1 }])).toThrow(/different contestants/);
});
