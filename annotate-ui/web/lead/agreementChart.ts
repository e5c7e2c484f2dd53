// Alpha of each criterion with its interval, and the project's bar: dots on lines, one row a criterion.
import type { CustomSeriesRenderItem } from 'echarts';
import type { Interval } from '../../../src/core/annotation/lead.ts';
import { type ChartColors, commonOption } from './chartColors.ts';

export interface AgreementLine {
  name: string;
  alpha: Interval | null;
  bar: number | null;
}

const DOT = 5;
const BAR_HALF = 11;

/** The lowest number on the axis: 0, or a little below the lowest end. */
export function axisFrom(lines: ReadonlyArray<AgreementLine>): number {
  const lowest = Math.min(0, ...lines.flatMap(({ alpha, bar }) => [alpha?.low ?? 0, bar ?? 0]));
  return Math.max(-1, Math.floor(lowest * 5) / 5);
}

export function agreementOption(lines: ReadonlyArray<AgreementLine>, colors: ChartColors) {
  const common = commonOption(colors);
  const renderItem: CustomSeriesRenderItem = (_params, api) => {
    const row = Number(api.value(0));
    const at = (value: number): [number, number] => {
      const [x = 0, y = 0] = api.coord([value, row]);
      return [x, y];
    };
    const line = lines[row];
    if (line === undefined) return null;
    const children = [];
    if (line.alpha !== null) {
      const { value, low, high } = line.alpha;
      const [from, y] = at(low);
      const [to] = at(high);
      const [dot] = at(value);
      const isBelow = line.bar !== null && value < line.bar;
      const color = isBelow ? colors.warm : colors.accent;
      children.push({
        type: 'line' as const,
        shape: { x1: from, y1: y, x2: to, y2: y },
        style: { stroke: color, lineWidth: 3, lineCap: 'round' as const },
      });
      children.push({ type: 'circle' as const, shape: { cx: dot, cy: y, r: DOT }, style: { fill: color } });
    }
    if (line.bar !== null) {
      const [x, y] = at(line.bar);
      children.push({
        type: 'line' as const,
        shape: { x1: x, y1: y - BAR_HALF, x2: x, y2: y + BAR_HALF },
        style: { stroke: colors.text, lineWidth: 2, lineDash: [4, 3] },
      });
    }
    return { type: 'group', children };
  };
  return {
    ...common,
    tooltip: { show: false },
    grid: { left: 8, right: 20, top: 8, bottom: 4, containLabel: true },
    xAxis: {
      type: 'value',
      min: axisFrom(lines),
      max: 1,
      splitLine: { lineStyle: { color: colors.line } },
      axisLabel: { color: colors.muted },
    },
    yAxis: {
      type: 'category',
      inverse: true,
      data: lines.map(({ name }) => name),
      axisLine: { lineStyle: { color: colors.line } },
      axisTick: { show: false },
      axisLabel: { color: colors.text, width: 150, overflow: 'break' },
    },
    series: [{ type: 'custom', renderItem, data: lines.map((line, i) => [i, line.alpha?.value ?? 0]), silent: true }],
  };
}
