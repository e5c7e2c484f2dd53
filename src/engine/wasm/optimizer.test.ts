import { dealSpans } from './optimizer.ts';

test('every value of every tensor is dealt out once, and no tensor is cut within a unit', () => {
  // Units of 16: 1 + 2 + 0 + 4 + 1 = 8, in slices of 3, 3 and 2
  const sizes = [1, 17, 0, 64, 5];
  const slices = dealSpans(sizes, 16, [
    [0, 3],
    [3, 6],
    [6, 8],
  ]);
  expect(slices).toEqual([
    [
      { tensor: 0, start: 0, count: 1 },
      { tensor: 1, start: 0, count: 17 },
    ],
    [{ tensor: 3, start: 0, count: 48 }],
    [
      { tensor: 3, start: 48, count: 16 },
      { tensor: 4, start: 0, count: 5 },
    ],
  ]);
});

test('no values make no spans', () => {
  expect(dealSpans([0, 0], 16, [[0, 0]])).toEqual([[]]);
});
