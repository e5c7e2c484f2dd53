import { agreementData } from './agreementData.ts';

const source = (name: string, kind: 'simulated' | 'judge', mean: number | null, skipped = 0) => ({
  source: name,
  kind,
  judgements: 10,
  mean,
  reliability: 0.8,
  missing: 0,
  skipped,
});

describe('agreementData', () => {
  const data = agreementData({
    sources: [
      source('human:a', 'simulated', 3.5),
      source('human:b', 'simulated', 2.5, 2),
      source('human:c', 'simulated', null),
      source('judge:rule-based', 'judge', 4),
    ],
    agreement: {
      humanAlpha: { fluency: 0.6, safety: null },
      humanPreferenceAlpha: 0.5,
      judges: [{ source: 'judge:rule-based', sameDirection: 0.75, kappa: 0.4 }],
    },
  });

  test('estimates a bias against the mean of the raters, judges apart', () => {
    // The raters' mean is (3.5 + 2.5) / 2 = 3; the judge's 4 is held against it and not part of it.
    expect(data.raters.map(({ bias }) => bias)).toEqual([0.5, -0.5, undefined, 1]);
    expect(data.raters[1]?.note).toBe('2 skipped');
    expect(data.raters[3]?.agreement).toBe(0.75);
  });

  test('lists the measures that are determined', () => {
    expect(data.measures.map(({ value }) => value)).toEqual([0.6, 0.5, 0.4]);
  });
});
