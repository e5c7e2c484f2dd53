// The table of ratios in docs/benchmarks.md: one row a back end, thread count, shape and workload. A row that is measured
// anew replaces the old one; all others stay as they are.

/** What both the peer's script and bench.ts print. */
export interface Measurement {
  workload: string;
  shape: string;
  tokensPerSecond: number;
  peakRssMiB: number;
}

export interface Ratio {
  backend: string;
  threads: number;
  shape: string;
  workload: string;
  ours: Pick<Measurement, 'tokensPerSecond' | 'peakRssMiB'>;
  peers: Pick<Measurement, 'tokensPerSecond' | 'peakRssMiB'>;
  /** Medians are of this many rounds. */
  rounds: number;
  /** YYYY-MM-DD */
  date: string;
  /** Cores and versions. */
  setting: string;
}

const HEADINGS = [
  ...['back end', 'threads', 'shape', 'workload', 'fourfold, tokens/s', 'TRL, tokens/s', 'ratio'],
  ...['fourfold, peak MiB', 'TRL, peak MiB', 'rounds', 'date', 'measured with'],
];
const KEY_CELLS = 4;

const INTRODUCTION = `# Benchmarks

Whole training steps and roll-outs beside TRL on PyTorch on the same machine: the same shapes, batches and token counts,
random weights and ids, one process a workload, the two sides in turns. A ratio above 1 means that fourfold is faster.
Absolute figures move by a third from hour to hour; the ratios hold better. Written by \`npm run bench:compare\`, which
replaces the rows it measures anew and keeps the others. \`npm run bench\` prints our side alone.
`;

const cellsOf = (line: string): string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());

const keyOf = (cells: string[]): string => cells.slice(0, KEY_CELLS).join();

/** Rows of cells under headings, each column as wide as its widest cell. */
function tableOf(headings: string[], rows: string[][]): string {
  const widths = headings.map((heading, i) => Math.max(heading.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const lineOf = (cells: string[], fill = ' ') =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0, fill)).join(' | ')} |`;
  const rule = lineOf(
    headings.map(() => ''),
    '-',
  );
  return [lineOf(headings), rule, ...rows.map((row) => lineOf(row))].join('\n');
}

/** The middle one; the upper of two. */
export function median(values: ReadonlyArray<number>): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** Tokens a second and peak memory, the median of the rounds each. */
export function medianOf(rounds: ReadonlyArray<Measurement>): Ratio['ours'] {
  return {
    tokensPerSecond: median(rounds.map(({ tokensPerSecond }) => tokensPerSecond)),
    peakRssMiB: median(rounds.map(({ peakRssMiB }) => peakRssMiB)),
  };
}

function rowOf({ backend, threads, shape, workload, ours, peers, rounds, date, setting }: Ratio): string[] {
  return [
    ...[backend, `${threads}`, shape, workload],
    ...[ours, peers].map(({ tokensPerSecond }) => Math.round(tokensPerSecond).toLocaleString('en-US')),
    (ours.tokensPerSecond / peers.tokensPerSecond).toFixed(2),
    ...[ours, peers].map(({ peakRssMiB }) => `${peakRssMiB}`),
    ...[`${rounds}`, date, setting],
  ];
}

/**
 * The page with the new ratios in it.
 * @param page the page as it was; empty where there is none
 */
export function withRatios(page: string, ratios: ReadonlyArray<Ratio>): string {
  const isRow = (line: string) => line.startsWith('|') && cellsOf(line).length === HEADINGS.length;
  const [first, ...lines] = page.split('\n').filter(isRow);
  const kept = first === undefined ? [] : lines.filter((line) => !line.includes('---'));
  const rows = new Map(kept.map((line) => [keyOf(cellsOf(line)), cellsOf(line)]));
  for (const ratio of ratios) {
    const row = rowOf(ratio);
    rows.set(keyOf(row), row);
  }
  const table = tableOf(HEADINGS, [...rows.values()]);
  // What stands behind the table is written by hand and stays.
  const end = page.lastIndexOf('|\n');
  const behind = end < 0 ? '\n' : page.slice(end + 2);
  return `${INTRODUCTION}\n${table}\n${behind === '' ? '' : behind.trimEnd() + (behind.trim() === '' ? '' : '\n')}`;
}
