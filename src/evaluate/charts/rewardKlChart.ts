// Reward against KL, one point an iteration: what each nat of distance bought, and whether it went on buying
// (the over-optimisation curve of Gao, Schulman and Hilton, 2022, figure 1, which has the square root of KL there).
import type { Html } from '../html.ts';
import type { PpoHistory } from '../reportData.ts';
import { axisNumber } from '../words.ts';
import { type ChartSize, COLOURS, drawChart, FONT_SIZE, labelStyle } from './draw.ts';

/** What the adaptive controller of the KL coefficient aims at; not the bound that a policy is held to at the end. */
export const CONTROLLER_TARGET = 'controller’s target';

/** Draws the path from the first iteration to the last, the target as a vertical line. */
export function rewardKlChart({ klTarget, iterations }: PpoHistory, size: ChartSize, label: string): Html {
  const path = iterations.map(({ kl, reward }) => [kl, reward]);
  const last = iterations.length - 1;
  const ends = [...new Set([0, last])].map((i) => ({
    value: path[i] ?? [],
    label: { formatter: i === 0 ? 'first' : 'last', position: i === 0 ? ('right' as const) : ('bottom' as const) },
    itemStyle: { color: i === 0 ? COLOURS.sft : COLOURS.policy, opacity: 1 },
  }));
  return drawChart(
    {
      grid: { left: 4, right: 16, top: 22, bottom: 22, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' },
      xAxis: {
        type: 'value',
        name: 'KL from the SFT model, nats a reply',
        nameLocation: 'middle',
        nameGap: 24,
        nameTextStyle: labelStyle,
        min: 0,
        axisLabel: { ...labelStyle, hideOverlap: true },
        axisLine: { onZero: false, lineStyle: { color: COLOURS.rule } },
        axisTick: { show: false },
        splitLine: { show: false },
      },
      yAxis: {
        type: 'value',
        scale: true,
        splitNumber: 4,
        axisLabel: { ...labelStyle, formatter: axisNumber },
        axisLine: { show: false },
        axisTick: { show: false },
        splitLine: { lineStyle: { color: COLOURS.grid } },
      },
      series: [
        {
          type: 'line',
          data: path,
          silent: true,
          symbol: 'circle',
          symbolSize: 4,
          itemStyle: { color: COLOURS.policy, opacity: 0.7 },
          lineStyle: { color: COLOURS.policy, width: 1, opacity: 0.35 },
          ...(klTarget === null
            ? {}
            : {
                markLine: {
                  silent: true,
                  symbol: 'none',
                  lineStyle: { color: COLOURS.ink, width: 1, type: [3, 3] },
                  label: { formatter: CONTROLLER_TARGET, color: COLOURS.ink, fontSize: FONT_SIZE, position: 'end' },
                  data: [{ xAxis: klTarget }],
                },
              }),
        },
        // A point that nobody sees at the target: an axis makes room for data, not for lines.
        {
          type: 'line',
          silent: true,
          showSymbol: false,
          lineStyle: { color: COLOURS.paper, opacity: 0 },
          data: klTarget === null ? [] : [[klTarget, iterations[0]?.reward ?? 0]],
        },
        {
          type: 'scatter',
          silent: true,
          symbolSize: 10,
          data: ends,
          label: {
            show: true,
            color: COLOURS.ink,
            fontSize: FONT_SIZE,
            textBorderColor: COLOURS.paper,
            textBorderWidth: 3,
          },
        },
      ],
    },
    size,
    label,
  );
}
