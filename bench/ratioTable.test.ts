import { medianOf, type Ratio, withRatios } from './ratioTable.ts';

const RATIO: Ratio = {
  ...{ backend: 'wasm', threads: 2, shape: 'nano', workload: 'sft', rounds: 5, date: '2026-01-02', setting: '2 cores' },
  ours: { tokensPerSecond: 12_345.6, peakRssMiB: 180 },
  peers: { tokensPerSecond: 10_000, peakRssMiB: 518 },
};

const rowsOf = (page: string) =>
  page
    .split('\n')
    .filter((line) => line.startsWith('| wasm'))
    .map((line) => line.replaceAll(/ +/g, ' '));

test('a row holds both sides and their ratio', () => {
  const [row] = rowsOf(withRatios('', [RATIO]));
  // 12345.6 / 10000 = 1.23
  expect(row).toBe('| wasm | 2 | nano | sft | 12,346 | 10,000 | 1.23 | 180 | 518 | 5 | 2026-01-02 | 2 cores |');
});

test('a row measured anew replaces the old one; others, and what stands behind the table, stay', () => {
  const old = `${withRatios('', [RATIO, { ...RATIO, workload: 'ppo', date: '2025-12-31' }])}\nA note.\n`;
  const page = withRatios(old, [{ ...RATIO, ours: { tokensPerSecond: 20_000, peakRssMiB: 90 } }]);
  const rows = rowsOf(page);
  expect(rows).toHaveLength(2);
  expect(rows[0]).toContain('| 2.00 | 90 |');
  expect(rows[1]).toContain('| ppo | 12,346 |');
  expect(rows[1]).toContain('2025-12-31');
  expect(page.endsWith('\nA note.\n')).toBe(true);
  expect(withRatios(page, [])).toBe(page);
});

test('the median of an even number of rounds is the upper one, for speed and memory apart', () => {
  const round = (tokensPerSecond: number, peakRssMiB: number) => ({
    ...{ workload: 'sft', shape: 'nano', tokensPerSecond, peakRssMiB },
  });
  expect(medianOf([round(1, 9), round(3, 7), round(2, 8)])).toEqual({ tokensPerSecond: 2, peakRssMiB: 8 });
  expect(medianOf([round(4, 1), round(5, 2)])).toEqual({ tokensPerSecond: 5, peakRssMiB: 2 });
});
