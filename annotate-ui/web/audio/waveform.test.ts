import { clockTime, nextSpeed, outlineOf, peaksOf } from './waveform.ts';

describe('a waveform', () => {
  test('holds the loudest sample of each slice, the loudest slice at 1', () => {
    // Slices of two: |−0.5|, 0.25, 0.1; divided by 0.5.
    expect(peaksOf(new Float32Array([0.25, -0.5, 0.25, 0, 0.125, 0]), 3)).toEqual([1, 0.5, 0.25]);
  });

  test('silence stays flat, and a short sound fills every slice', () => {
    expect(peaksOf(new Float32Array(8), 2)).toEqual([0, 0]);
    expect(peaksOf(new Float32Array([1]), 3)).toEqual([1, 1, 1]);
  });

  test('is drawn as one bar a slice', () => {
    expect(outlineOf([1, 0])).toBe('M0.17 1.0h.66v38.0h-.66zM1.17 19.5h.66v1.0h-.66z');
  });

  test('times and speeds', () => {
    expect([0, 59.9, 83.4, Number.NaN].map(clockTime)).toEqual(['0:00', '0:59', '1:23', '0:00']);
    expect(nextSpeed(1, 'faster')).toBe(1.25);
    expect(nextSpeed(0.5, 'slower')).toBe(0.5);
    expect(nextSpeed(2, 'faster')).toBe(2);
  });
});
