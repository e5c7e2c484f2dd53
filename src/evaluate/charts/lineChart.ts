// Curves over steps: loss, accuracy, reward, KL and the rest of what training records.
import type { LineSeriesOption } from 'echarts/charts';
import type { Html } from '../html.ts';
import type { Point } from '../reportData.ts';
import { axisNumber } from '../words.ts';
import { type ChartSize, COLOURS, drawChart, FONT_SIZE, labelStyle } from './draw.ts';

export interface Curve {
  /** Written at the curve's end. */
  name: string;
  points: ReadonlyArray<Point>;
  colour: string;
  dashed?: boolean;
}

/** A horizontal line to read the curves against: a target, a baseline. */
export interface ReferenceLine {
  name: string;
  y: number;
}

export interface LineChartOptions extends ChartSize {
  curves: ReadonlyArray<Curve>;
  xName: string;
  references?: ReadonlyArray<ReferenceLine>;
  /** Fixed ends of the vertical axis where the quantity has them. */
  yMin?: number;
  yMax?: number;
  label: string;
}

/** Curves with more points than this are drawn as a moving mean over a faint original. */
const SMOOTH_ABOVE = 60;

/** Moving mean over `reach` points on each side, as far as there are any. */
export function movingMean(points: ReadonlyArray<Point>, reach: number): Point[] {
  return points.map(([x], i) => {
    const window = points.slice(Math.max(0, i - reach), i + reach + 1);
    return [x, window.reduce((sum, [, y]) => sum + y, 0) / window.length];
  });
}

/** Draws curves over one horizontal axis, each named at its end. */
export function lineChart(options: LineChartOptions): Html {
  const { curves, references = [], width, height, label } = options;
  const shown = curves.filter((curve) => curve.points.length > 0);
  const names = shown.length > 1 ? shown.map((curve) => curve.name) : [];
  const longest = Math.max(0, ...names.map((name) => name.length));
  const xs = shown.flatMap((curve) => curve.points.map(([x]) => x));
  const [xMin, xMax] = [Math.min(...xs), Math.max(...xs)];
  const series = shown.flatMap((curve) => curveSeries(curve, names.length > 0));
  if (references.length > 0) series.push(referenceSeries(references, xMin));
  return drawChart(
    {
      grid: {
        left: 4,
        right: names.length > 0 ? longest * FONT_SIZE * 0.56 + 14 : 12,
        top: 14,
        bottom: 22,
        outerBoundsMode: 'same',
        outerBoundsContain: 'axisLabel',
      },
      xAxis: {
        type: 'value',
        name: options.xName,
        nameLocation: 'middle',
        nameGap: 24,
        nameTextStyle: labelStyle,
        min: xMin,
        max: xMax,
        splitNumber: 4,
        axisLabel: { ...labelStyle, hideOverlap: true },
        axisLine: { onZero: false, lineStyle: { color: COLOURS.rule } },
        axisTick: { show: false },
        splitLine: { show: false },
      },
      yAxis: {
        type: 'value',
        scale: true,
        ...(options.yMin === undefined ? {} : { min: options.yMin }),
        ...(options.yMax === undefined ? {} : { max: options.yMax }),
        splitNumber: 4,
        axisLabel: { ...labelStyle, formatter: axisNumber },
        axisLine: { show: false },
        axisTick: { show: false },
        splitLine: { lineStyle: { color: COLOURS.grid } },
      },
      series,
    },
    { width, height },
    label,
  );
}

function curveSeries(curve: Curve, named: boolean): LineSeriesOption[] {
  const isLong = curve.points.length > SMOOTH_ABOVE;
  const points = isLong ? movingMean(curve.points, Math.round(curve.points.length / 40)) : curve.points;
  const common = {
    type: 'line' as const,
    showSymbol: false,
    silent: true,
    sampling: 'lttb' as const,
    emphasis: { disabled: true },
  };
  const main: LineSeriesOption = {
    ...common,
    name: curve.name,
    data: points.map(([x, y]) => [x, y]),
    showSymbol: points.length <= 12,
    symbol: 'circle',
    symbolSize: 5,
    itemStyle: { color: curve.colour },
    lineStyle: { color: curve.colour, width: 2, type: curve.dashed === true ? [5, 4] : 'solid', join: 'round' },
    endLabel: { show: named, formatter: () => curve.name, color: curve.colour, fontSize: FONT_SIZE, distance: 6 },
    labelLayout: { moveOverlap: 'shiftY' },
  };
  if (!isLong) return [main];
  const faint: LineSeriesOption = {
    ...common,
    data: curve.points.map(([x, y]) => [x, y]),
    lineStyle: { color: curve.colour, width: 1, opacity: 0.28 },
  };
  return [faint, main];
}

/** The lines, and a point at each that nobody sees: an axis makes room for data, not for lines. */
function referenceSeries(references: ReadonlyArray<ReferenceLine>, xMin: number): LineSeriesOption {
  return {
    type: 'line',
    data: references.map(({ y }) => [xMin, y]),
    showSymbol: false,
    lineStyle: { color: COLOURS.paper, opacity: 0 },
    silent: true,
    markLine: {
      silent: true,
      symbol: 'none',
      lineStyle: { color: COLOURS.ink, width: 1, type: [3, 3] },
      data: references.map(({ name, y }) => ({
        yAxis: y,
        label: {
          formatter: name,
          position: 'insideStartTop',
          color: COLOURS.ink,
          fontSize: FONT_SIZE,
          textBorderColor: COLOURS.paper,
          textBorderWidth: 3,
        },
      })),
    },
  };
}
