import { summariseAgreement } from './agreementSummary.ts';
import { type Rating, ratingTableOf } from './ratingTable.ts';

const tableOf = (rows: ReadonlyArray<ReadonlyArray<Rating['value']>>) =>
  ratingTableOf(
    rows.flatMap((row, item) => row.map((value, rater) => ({ item: `i${item}`, rater: `r${rater + 1}`, value }))),
  );
const settings = { seed: 1, resamples: 200 };

const times = (...counts: number[]) => counts.flatMap((count, label) => new Array<number>(count).fill(label));

test('tells every figure of one table', () => {
  // Items aab, bbb, ab-, aaa: pairs equal in 1/3, 1, 0 and 1 of their pairs: mean 7/12.
  const summary = summariseAgreement(
    tableOf([
      ['a', 'a', 'b'],
      ['b', 'b', 'b'],
      ['a', 'b', null],
      ['a', 'a', 'a'],
    ]),
    'nominal',
    settings,
  );
  expect(summary.percentAgreement?.value).toBeCloseTo(7 / 12, 12);
  expect(summary.fleissKappa).toBeNull();
  expect([...summary.majority].map(([label, { value }]) => [label, value])).toEqual([
    ['a', 2],
    ['b', 1],
  ]);
  expect(summary).toMatchObject({ items: 4, ratings: 11, noMajority: 1, raters: ['r1', 'r2', 'r3'] });
  // r1 and r2 agree on 3 of 4; p_e = 3/4 × 2/4 + 1/4 × 2/4 = 1/2; κ = (3/4 - 1/2) / (1/2) = 1/2.
  expect(summary.cohenKappa[0]).toMatchObject({ raters: ['r1', 'r2'], items: 4, kappa: { value: 0.5 } });
});

test('an interval holds its value, and the same seed gives the same interval', () => {
  const rows = Array.from({ length: 60 }, (_, i) => [
    i % 3,
    i % 7 === 0 ? (i + 1) % 3 : i % 3,
    i % 5 === 0 ? 0 : i % 3,
  ]);
  const [first, second] = [1, 1].map(() => summariseAgreement(tableOf(rows), 'interval', settings));
  expect(first).toEqual(second);
  for (const estimate of [first?.alpha, first?.fleissKappa, first?.percentAgreement, first?.cohenKappa[0]?.kappa]) {
    expect(estimate?.low).toBeLessThan(estimate?.value ?? Number.NaN);
    expect(estimate?.high).toBeGreaterThan(estimate?.value ?? Number.NaN);
  }
});

test('gives the published kappa of five categories, ten subjects and fourteen raters', () => {
  const subjects = [
    times(0, 0, 0, 0, 14),
    times(0, 2, 6, 4, 2),
    times(0, 0, 3, 5, 6),
    times(0, 3, 9, 2, 0),
    times(2, 2, 8, 1, 1),
    times(7, 7, 0, 0, 0),
    times(3, 2, 6, 3, 0),
    times(2, 5, 3, 2, 2),
    times(6, 5, 2, 1, 0),
    times(0, 2, 2, 3, 7),
  ];
  expect(summariseAgreement(tableOf(subjects), 'nominal', settings).fleissKappa?.value).toBeCloseTo(0.2099, 4);
});

test('words have no order: a level above nominal names the item, the rater and the remedy', () => {
  expect(() =>
    summariseAgreement(
      tableOf([
        [1, 2],
        [1, 'good'],
      ]),
      'ordinal',
      settings,
    ),
  ).toThrow('Item i1, rater r2: expected a number at the ordinal level, got "good"');
});

test('an empty table has figures of null and no error', () => {
  expect(summariseAgreement(tableOf([]), 'nominal', settings)).toMatchObject({
    alpha: null,
    fleissKappa: null,
    percentAgreement: null,
    cohenKappa: [],
    noMajority: 0,
  });
});
