// The few parts of echarts that the lead's charts need, in a chunk of their own.
import { BarChart, CustomChart } from 'echarts/charts';
import { GridComponent, MarkLineComponent, TooltipComponent } from 'echarts/components';
import { type EChartsCoreOption, init, use } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';

use([BarChart, CustomChart, GridComponent, MarkLineComponent, TooltipComponent, CanvasRenderer]);

interface TrustedTypes {
  createPolicy(name: string, rules: { createHTML(markup: string): string | null }): unknown;
  defaultPolicy: unknown;
}

/**
 * The page's security policy takes no markup from scripts. echarts empties its element by `innerHTML = ''`; this lets
 * the empty text through, and nothing else.
 */
function allowEmptying(): void {
  const { trustedTypes } = window as unknown as { trustedTypes?: TrustedTypes };
  if (trustedTypes === undefined || trustedTypes.defaultPolicy !== null) return;
  trustedTypes.createPolicy('default', { createHTML: (markup) => (markup === '' ? '' : null) });
}

/** Draws into the element and follows its size. @returns what takes the chart away */
export function draw(element: HTMLElement, option: EChartsCoreOption): () => void {
  allowEmptying();
  const chart = init(element, null, { renderer: 'canvas' });
  const isStill = matchMedia('(prefers-reduced-motion: reduce)').matches;
  chart.setOption({ animation: !isStill, animationDuration: 250, ...option });
  const sizes = new ResizeObserver(() => chart.resize());
  sizes.observe(element);
  return () => {
    sizes.disconnect();
    chart.dispose();
  };
}
