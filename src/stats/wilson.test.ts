import { normalQuantile, wilsonInterval } from './wilson.ts';

test('8 of 10 lies between 0.490 and 0.943', () => {
  // z = 1.96: scale 1.38415, centre (0.8 + 0.19207) / 1.38415 = 0.71674, half 1.41601 × √(0.016 + 0.0096036) = 0.22658.
  const found = wilsonInterval(8, 10);
  expect(found.value).toBeCloseTo(0.8, 12);
  expect(found.low).toBeCloseTo(0.4902, 4);
  expect(found.high).toBeCloseTo(0.9433, 4);
});

test('all right is not certain', () => {
  // Low end n / (n + z²) = 20 / 23.841 = 0.8389.
  expect(wilsonInterval(20, 20)).toMatchObject({ value: 1, high: 1 });
  expect(wilsonInterval(20, 20).low).toBeCloseTo(0.8389, 4);
});

test('the normal quantile', () => {
  expect(normalQuantile(0.975)).toBeCloseTo(1.959964, 6);
  expect(normalQuantile(0.5)).toBeCloseTo(0, 9);
});

test('more successes than trials are refused', () => {
  expect(() => wilsonInterval(3, 2)).toThrow(/successes/);
  expect(() => wilsonInterval(0, 0)).toThrow(/trial/);
});
