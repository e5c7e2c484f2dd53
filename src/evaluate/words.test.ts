import type { Point } from './reportData.ts';
import {
  axisNumber,
  describeCurve,
  formatDuration,
  formatInterval,
  formatNumber,
  formatPercent,
  formatSigned,
} from './words.ts';

describe('numbers in words', () => {
  test('have as many decimals as their size deserves', () => {
    expect(
      [1234.5, 123.45, 12.345, 1.2345, 0.12345, 0.012345, 0.0012345, 0].map((value) => formatNumber(value)),
    ).toEqual(['1235', '123.5', '12.3', '1.23', '0.12', '0.012', '0.0012', '0.00']);
    expect(formatNumber(0.0000123)).toBe('1.2e−5');
  });

  test('carry a true minus, and none where they round to nothing', () => {
    expect(formatNumber(-1.5)).toBe('−1.50');
    expect(formatNumber(-0.004, 2)).toBe('0.00');
    expect(formatSigned(0.25)).toBe('+0.25');
    expect(formatSigned(0.001)).toBe('0.00');
  });

  test('shares, intervals, durations and axis labels', () => {
    expect([0.74, 0.004, 0, 1].map(formatPercent)).toEqual(['74 %', '0.4 %', '0 %', '100 %']);
    expect(formatInterval({ value: 0.71, low: 0.634, high: 0.779 })).toBe('0.71 (0.63 to 0.78)');
    expect([59.4, 252, 3720].map(formatDuration)).toEqual(['59 s', '4 min 12 s', '1 h 2 min']);
    expect([0, 0.5, 20, 1200].map(axisNumber)).toEqual(['0', '0.5', '20', '1200']);
  });
});

describe('describeCurve', () => {
  const line = (count: number, y: (i: number) => number) =>
    Array.from({ length: count }, (_, i): Point => [i + 1, y(i)]);

  test('compares the means of the first and the last tenth', () => {
    // 20 points 0..19: the first two have mean 0.5, the last two 18.5.
    expect(
      describeCurve(
        'Reward',
        line(20, (i) => i),
        'steps',
      ),
    ).toBe('Reward rises from 0.50 to 18.5 over 20 steps.');
    expect(
      describeCurve(
        'Loss',
        line(3, (i) => 3 - i),
        'steps',
      ),
    ).toBe('Loss falls from 3.00 to 1.00 over 3 steps.');
  });

  test('says when nothing moved, when there is one point, and when there is none', () => {
    expect(
      describeCurve(
        'KL',
        line(4, () => 2),
        'steps',
      ),
    ).toBe('KL stays at 2.00 over 4 steps.');
    expect(
      describeCurve(
        'KL',
        line(1, () => 2),
        'steps',
      ),
    ).toBe('KL is 2.00.');
    expect(describeCurve('KL', [], 'steps')).toBe('KL: nothing was recorded.');
  });
});
