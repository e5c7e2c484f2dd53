import { cosine, pearson, ranksOf, spearman } from './correlation.ts';

test('pearson', () => {
  // x - 2 = (-1, 0, 1), y - 7/3 = (-4/3, -1/3, 5/3): Σxy = 3, Σx² = 2, Σy² = 42/9; r = 3 / √(84/9) = 0.98198.
  expect(pearson([1, 2, 3], [1, 2, 4])).toBeCloseTo(0.98198, 5);
  expect(pearson([1, 2, 3], [3, 2, 1])).toBeCloseTo(-1, 12);
});

test('spearman sees the order only, with ties at their mean rank', () => {
  expect(spearman([1, 2, 3, 4], [1, 10, 100, 1000])).toBeCloseTo(1, 12);
  expect(ranksOf([5, 1, 5, 3])).toEqual([3.5, 1, 3.5, 2]);
});

test('cosine does not change when differences are turned round', () => {
  expect(cosine([1, -2, 3], [2, -1, 1])).toBeCloseTo(cosine([-1, -2, -3], [-2, -1, -1]) ?? Number.NaN, 12);
});

test('what does not vary has no correlation', () => {
  expect(pearson([1, 1, 1], [1, 2, 3])).toBeNull();
  expect(pearson([1], [2])).toBeNull();
  expect(cosine([0, 0], [1, 2])).toBeNull();
  expect(() => pearson([1, 2], [1])).toThrow(/one length/);
});
