// Labels by day, as bars.
import type { OverviewReply } from '../../../src/core/annotation/lead.ts';
import { type ChartColors, commonOption } from './chartColors.ts';

export function dailyOption(
  daily: OverviewReply['daily'],
  { colors, labels }: { colors: ChartColors; labels: string },
) {
  const common = commonOption(colors);
  return {
    ...common,
    tooltip: { ...common.tooltip, trigger: 'axis' },
    grid: { left: 8, right: 8, top: 16, bottom: 4, containLabel: true },
    xAxis: {
      type: 'category',
      data: daily.map(({ day }) => day),
      axisLine: { lineStyle: { color: colors.line } },
      axisTick: { show: false },
      axisLabel: { color: colors.muted },
    },
    yAxis: {
      type: 'value',
      minInterval: 1,
      splitLine: { lineStyle: { color: colors.line } },
      axisLabel: { color: colors.muted },
    },
    series: [
      {
        name: labels,
        type: 'bar',
        data: daily.map((day) => day.labels),
        barMaxWidth: 28,
        itemStyle: { color: colors.accent, borderRadius: [3, 3, 0, 0] },
      },
    ],
  };
}
