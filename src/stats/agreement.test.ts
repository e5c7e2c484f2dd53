import { cohenKappa, fleissKappa, percentAgreement } from './agreement.ts';

describe('cohenKappa', () => {
  const table = (yy: number, yn: number, ny: number, nn: number) => {
    const a = [...Array(yy + yn).fill('yes'), ...Array(ny + nn).fill('no')];
    const b = [...Array(yy).fill('yes'), ...Array(yn).fill('no'), ...Array(ny).fill('yes'), ...Array(nn).fill('no')];
    return [a, b] as const;
  };

  test('subtracts the agreement of chance', () => {
    // p_o = 35/50 = 0.7; p_e = 0.5 × 0.6 + 0.5 × 0.4 = 0.5; κ = 0.2 / 0.5 = 0.4.
    const [a, b] = table(20, 5, 10, 15);
    expect(cohenKappa(a, b)).toBeCloseTo(0.4, 12);
    expect(percentAgreement(a, b)).toBeCloseTo(0.7, 12);
  });

  test('passes over what either source left out', () => {
    expect(cohenKappa(['x', null, 'y', 'x'], ['x', 'y', 'y', null])).toBe(1);
    expect(percentAgreement<string>(['x', null], [null, 'x'])).toBeNull();
  });

  test('is null where both always say the same one thing', () => {
    expect(cohenKappa([1, 1], [1, 1])).toBeNull();
  });
});

describe('fleissKappa', () => {
  test('is one where all agree and varied, null where nothing varies or the number of ratings does', () => {
    expect(
      fleissKappa([
        [3, 0],
        [0, 3],
      ]),
    ).toBe(1);
    expect(
      fleissKappa([
        [3, 0],
        [3, 0],
      ]),
    ).toBeNull();
    expect(
      fleissKappa([
        [3, 0],
        [1, 1],
      ]),
    ).toBeNull();
    expect(
      fleissKappa([
        [1, 0],
        [0, 1],
      ]),
    ).toBeNull();
  });

  test("is Scott's pi for two raters", () => {
    // 3 of 4 items agree: P̄ = 0.75; of 8 ratings 5 are the first label: P̄_e = (25 + 9) / 64; κ = 0.21875 / 0.46875.
    expect(
      fleissKappa([
        [2, 0],
        [2, 0],
        [0, 2],
        [1, 1],
      ]),
    ).toBeCloseTo(0.21875 / 0.46875, 12);
  });

  test('counts an item as often as its weight says, and passes over items without a rating', () => {
    const twice = fleissKappa([
      [2, 0],
      [2, 0],
      [1, 1],
      [0, 0],
    ]);
    expect(
      fleissKappa(
        [
          [2, 0],
          [1, 1],
          [0, 2],
        ],
        [2, 1, 0],
      ),
    ).toBeCloseTo(twice ?? Number.NaN, 12);
  });
});
