import { krippendorffAlpha } from './krippendorff.ts';

/** Krippendorff (2011), examples C to E: four observers, twelve units, missing values. */
const OBSERVERS: Array<Array<number | null>> = [
  [1, 2, 3, 3, 2, 1, 4, 1, 2, null, null, null],
  [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, null, 3],
  [null, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, null],
  [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, null],
];
const units = Array.from({ length: 12 }, (_, u) => OBSERVERS.map((row) => row[u] ?? null));

describe('krippendorffAlpha', () => {
  test.each([
    ['nominal', 0.743],
    ['ordinal', 0.815],
    ['interval', 0.849],
    ['ratio', 0.797],
  ] as const)('gives the published %s value %d', (level, published) => {
    expect(krippendorffAlpha(units, level)).toBeCloseTo(published, 3);
  });

  test('gives the published value of two observers and two categories', () => {
    // Krippendorff (2011), example A: o_01 = 4, n_0 = 14, n_1 = 6, n = 20: α = 1 - 19 × 4 / (14 × 6) = 0.095.
    const meg = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0];
    const owen = [1, 1, 1, 0, 0, 1, 0, 0, 0, 0];
    const pairs = meg.map((value, i) => [value, owen[i] ?? null]);
    expect(krippendorffAlpha(pairs, 'nominal')).toBeCloseTo(0.095, 3);
  });

  test('is null where nothing can be compared or nothing varies', () => {
    expect(krippendorffAlpha([], 'nominal')).toBeNull();
    expect(
      krippendorffAlpha(
        [
          [1, null],
          [null, 2],
        ],
        'nominal',
      ),
    ).toBeNull();
    expect(
      krippendorffAlpha(
        [
          [3, 3],
          [3, 3],
        ],
        'interval',
      ),
    ).toBeNull();
  });

  test('does not change when the sources change places', () => {
    const reversed = units.map((unit) => unit.toReversed());
    expect(krippendorffAlpha(reversed, 'ordinal')).toBeCloseTo(krippendorffAlpha(units, 'ordinal') ?? Number.NaN, 12);
  });
});
