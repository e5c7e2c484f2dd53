// Win rates of one comparison with their intervals, one row a judge, against the line of one half.
import type { CustomSeriesOption } from 'echarts/charts';
import type { Html } from '../html.ts';
import type { Comparison } from '../reportData.ts';
import { formatInterval } from '../words.ts';
import { COLOURS, drawChart, FONT_SIZE, labelStyle } from './draw.ts';

type Row = Comparison['judges'][number];
type RenderItem = NonNullable<CustomSeriesOption['renderItem']>;

const ROW_HEIGHT = 44;
const AXIS_HEIGHT = 46;
const SIDE = 12;
const CAP = 4;

/** Draws the judges of a comparison on an axis from 0 to 1; an interval clear of one half is coloured as win or loss. */
export function forestPlot({ judges }: Comparison, width: number, label: string): Html {
  const plotHeight = judges.length * ROW_HEIGHT + 8;
  return drawChart(
    {
      grid: { left: SIDE, right: SIDE, top: 0, height: plotHeight },
      xAxis: {
        type: 'value',
        min: 0,
        max: 1,
        interval: 0.25,
        name: 'share of prompts won, a tie counts one half',
        nameLocation: 'middle',
        nameGap: 28,
        nameTextStyle: labelStyle,
        axisLabel: labelStyle,
        position: 'bottom',
        axisLine: { show: false },
        axisTick: { show: false },
        splitLine: { lineStyle: { color: COLOURS.grid } },
      },
      yAxis: { type: 'value', min: 0, max: plotHeight, inverse: true, show: false },
      series: [
        {
          type: 'custom',
          silent: true,
          renderItem: renderRow(judges, width),
          data: judges.map((_, i) => [i]),
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
    { width, height: plotHeight + AXIS_HEIGHT },
    label,
  );
}

function renderRow(rows: ReadonlyArray<Row>, width: number): RenderItem {
  return (_params, api) => {
    const i = Number(api.value(0));
    const row = rows[i];
    if (row === undefined) return null;
    const top = i * ROW_HEIGHT + 8;
    // A halo of the page's colour keeps the words readable where the lines of the axis pass behind them.
    const text = (x: number, words: string, textAlign: 'left' | 'right') => ({
      type: 'text' as const,
      x,
      y: top,
      style: { text: words, textAlign, fontSize: FONT_SIZE, fill: COLOURS.ink, stroke: COLOURS.paper, lineWidth: 4 },
    });
    const { low, value, high } = row.winRate;
    const xOf = (share: number) => api.coord([share, 0])[0] ?? 0;
    const y = top + 24;
    const colour = low > 0.5 ? COLOURS.good : high < 0.5 ? COLOURS.bad : COLOURS.base;
    const line = (x1: number, y1: number, x2: number, y2: number) => ({
      type: 'line' as const,
      shape: { x1, y1, x2, y2 },
      style: { stroke: colour, lineWidth: 2, fill: 'none' },
    });
    return {
      type: 'group',
      children: [
        text(SIDE, row.judge, 'left'),
        text(width - SIDE, formatInterval(row.winRate), 'right'),
        line(xOf(low), y, xOf(high), y),
        line(xOf(low), y - CAP, xOf(low), y + CAP),
        line(xOf(high), y - CAP, xOf(high), y + CAP),
        { type: 'circle', shape: { cx: xOf(value), cy: y, r: 5 }, style: { fill: colour } },
      ],
    };
  };
}
