// Mean utility by dimension, one outline a model, on a fixed scale from 0 to 1.
import type { Html } from '../html.ts';
import type { RadarSection } from '../reportData.ts';
import { type ChartSize, COLOURS, drawChart, FONT_SIZE, ROLE_SYMBOL, roleColour } from './draw.ts';

const STEPS = 4;
const RADIUS = 138;

export function radarChart({ dimensions, models }: RadarSection, size: ChartSize, label: string): Html {
  return drawChart(
    {
      radar: {
        indicator: dimensions.map((name) => ({ name: name.replaceAll('-', '-\n'), min: 0, max: 1 })),
        center: ['50%', '53%'],
        radius: RADIUS,
        splitNumber: STEPS,
        axisName: { color: COLOURS.ink, fontSize: FONT_SIZE },
        axisNameGap: 8,
        axisLine: { lineStyle: { color: COLOURS.grid } },
        splitLine: { lineStyle: { color: COLOURS.grid } },
        splitArea: { show: false },
      },
      series: models.map(({ name, role, values }) => ({
        type: 'radar',
        name,
        silent: true,
        symbol: ROLE_SYMBOL[role],
        symbolSize: role === 'policy' ? 9 : 6,
        data: [{ name, value: values.map((interval) => interval.value) }],
        itemStyle: { color: roleColour(role) },
        lineStyle: { color: roleColour(role), width: 2, type: role === 'base' ? [4, 3] : 'solid' },
        areaStyle: { color: roleColour(role), opacity: role === 'policy' ? 0.12 : 0.04 },
      })),
    },
    size,
    label,
  );
}
