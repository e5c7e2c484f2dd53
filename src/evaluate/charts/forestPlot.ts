// Win rates with their intervals, one row a judge, against the line of one half.
import type { CustomSeriesOption } from 'echarts/charts';
import type { Html } from '../html.ts';
import type { Comparison } from '../reportData.ts';
import { formatInterval } from '../words.ts';
import { COLOURS, drawChart, FONT_SIZE, labelStyle } from './draw.ts';

type Row = { kind: 'comparison'; text: string } | ({ kind: 'judge' } & Comparison['judges'][number]);
type RenderItem = NonNullable<CustomSeriesOption['renderItem']>;

const ROW_HEIGHT = { comparison: 34, judge: 42 } as const;
const AXIS_HEIGHT = 40;
const SIDE = 12;
const CAP = 4;

const rowsOf = (comparisons: ReadonlyArray<Comparison>): Row[] =>
  comparisons.flatMap(({ a, b, judges }): Row[] => [
    { kind: 'comparison', text: `${a} over ${b}` },
    ...judges.map((judge) => ({ kind: 'judge' as const, ...judge })),
  ]);

/** Draws all comparisons on one axis from 0 to 1; an interval that is clear of one half is drawn in full colour. */
export function forestPlot(comparisons: ReadonlyArray<Comparison>, width: number, label: string): Html {
  const rows = rowsOf(comparisons);
  const tops: number[] = [];
  let height = 8;
  for (const row of rows) {
    tops.push(height);
    height += ROW_HEIGHT[row.kind];
  }
  const plotBottom = height + 4;
  return drawChart(
    {
      grid: { left: SIDE, right: SIDE, top: 0, height: plotBottom },
      xAxis: {
        type: 'value',
        min: 0,
        max: 1,
        interval: 0.25,
        name: 'share of prompts won, a tie counts one half',
        nameLocation: 'middle',
        nameGap: 24,
        nameTextStyle: labelStyle,
        axisLabel: labelStyle,
        axisLine: { lineStyle: { color: COLOURS.rule } },
        splitLine: { lineStyle: { color: COLOURS.grid } },
      },
      yAxis: { type: 'value', min: 0, max: plotBottom, inverse: true, show: false },
      series: [
        {
          type: 'custom',
          silent: true,
          renderItem: renderRow(rows, tops, width),
          data: rows.map((_, i) => [i]),
          markLine: {
            silent: true,
            symbol: 'none',
            label: { show: false },
            lineStyle: { color: COLOURS.ink, width: 1, type: [3, 3] },
            data: [{ xAxis: 0.5 }],
          },
        },
      ],
    },
    { width, height: plotBottom + AXIS_HEIGHT },
    label,
  );
}

function renderRow(rows: ReadonlyArray<Row>, tops: ReadonlyArray<number>, width: number): RenderItem {
  return (_params, api) => {
    const i = Number(api.value(0));
    const [row, top] = [rows[i], tops[i]];
    if (row === undefined || top === undefined) return null;
    // A halo of the page's colour keeps the words readable where the lines of the axis pass behind them.
    const halo = { stroke: COLOURS.paper, lineWidth: 4 };
    const text = (x: number, y: number, words: string, style: object) => ({
      type: 'text' as const,
      x,
      y,
      style: { text: words, fontSize: FONT_SIZE, fill: COLOURS.ink, ...halo, ...style },
    });
    if (row.kind === 'comparison') {
      return { type: 'group', children: [text(SIDE, top + 12, row.text, { fontSize: 13, fontWeight: 600 })] };
    }
    const { low, value, high } = row.winRate;
    const xOf = (share: number) => api.coord([share, 0])[0] ?? 0;
    const y = top + 26;
    const colour = low > 0.5 ? COLOURS.policy : high < 0.5 ? COLOURS.sft : COLOURS.base;
    const line = (x1: number, y1: number, x2: number, y2: number) => ({
      type: 'line' as const,
      shape: { x1, y1, x2, y2 },
      style: { stroke: colour, lineWidth: 2 },
    });
    return {
      type: 'group',
      children: [
        text(SIDE, top + 2, row.judge, {}),
        text(width - SIDE, top + 2, formatInterval(row.winRate), { textAlign: 'right' }),
        line(xOf(low), y, xOf(high), y),
        line(xOf(low), y - CAP, xOf(low), y + CAP),
        line(xOf(high), y - CAP, xOf(high), y + CAP),
        { type: 'circle', shape: { cx: xOf(value), cy: y, r: 5 }, style: { fill: colour } },
      ],
    };
  };
}
