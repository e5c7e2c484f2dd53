// Drawing with ECharts at report time: an option in, inline SVG out, coloured by the page's own variables so that
// one drawing serves light and dark. The only importer of echarts.

import type { LineSeriesOption, RadarSeriesOption, ScatterSeriesOption } from 'echarts/charts';
import { CustomChart, type CustomSeriesOption, LineChart, RadarChart, ScatterChart } from 'echarts/charts';
import type { GridComponentOption, MarkLineComponentOption, RadarComponentOption } from 'echarts/components';
import { GridComponent, MarkLineComponent, RadarComponent } from 'echarts/components';
import { type ComposeOption, init, use } from 'echarts/core';
import { LabelLayout } from 'echarts/features';
import { SVGRenderer } from 'echarts/renderers';
import { contentId } from '../../core/ids.ts';
import { escapeHtml, Html } from '../html.ts';
import type { ModelRole } from '../reportData.ts';

use([
  LineChart,
  ScatterChart,
  RadarChart,
  CustomChart,
  GridComponent,
  RadarComponent,
  MarkLineComponent,
  LabelLayout,
  SVGRenderer,
]);

export type ChartOption = ComposeOption<
  | LineSeriesOption
  | ScatterSeriesOption
  | RadarSeriesOption
  | CustomSeriesOption
  | GridComponentOption
  | RadarComponentOption
  | MarkLineComponentOption
>;

/** Colours as ECharts sees them; in the drawing each becomes the page's variable of that name. */
export const COLOURS = {
  ink: '#22252a',
  muted: '#666b73',
  grid: '#e9e6df',
  rule: '#b9b4a8',
  paper: '#fbfaf7',
  base: '#858b94',
  sft: '#2c6cb0',
  policy: '#c2552a',
  other: '#7d5ba6',
  good: '#2f7d4f',
  bad: '#b3352c',
} as const;

/** A model keeps its colour through the whole report. */
export const roleColour = (role: ModelRole): string => COLOURS[role];

/** A model keeps its mark too, for readers who do not see the colours. */
export const ROLE_SYMBOL: Readonly<Record<ModelRole, 'circle' | 'rect' | 'diamond' | 'triangle'>> = {
  base: 'circle',
  sft: 'rect',
  policy: 'diamond',
  other: 'triangle',
};

export const FONT_SIZE = 12;
export const labelStyle = { color: COLOURS.muted, fontSize: FONT_SIZE };

/** Size of a drawing in its own pixels; on the page it takes the width of its column. */
export interface ChartSize {
  width: number;
  height: number;
}

/**
 * Draws a chart.
 * @param label the finding in words, which is the drawing's accessible name
 */
export function drawChart(option: ChartOption, size: ChartSize, label: string): Html {
  const chart = init(null, null, { renderer: 'svg', ssr: true, ...size });
  try {
    chart.setOption({ animation: false, textStyle: { fontSize: FONT_SIZE }, ...option });
    return new Html(inlined(chart.renderToSVGString(), size, label));
  } finally {
    chart.dispose();
  }
}

/** Makes the drawing part of a page: accessible name, page colours and font, ids that are its own. */
function inlined(svg: string, { width, height }: ChartSize, label: string): string {
  const name = escapeHtml(label);
  let text = svg
    .replace(/^<svg[^>]*>/, `<svg class="chart" viewBox="0 0 ${width} ${height}" role="img" aria-label="${name}">`)
    .replace(/<style[^>]*>[\s\S]*?<\/style>/g, '')
    .replaceAll(/ (?:class="zr\d+-cls-\d+"|pointer-events="visible"|xml:space="preserve"|ecmeta_\w+="[^"]*")/g, '')
    .replaceAll('font-family:sans-serif;', '')
    .replaceAll(/\n\s*/g, '');
  text = text.replaceAll(/\bzr\d+-/g, 'zr-');
  // Ids follow from what is drawn: the same data give the same page, and two drawings do not share one.
  text = text.replaceAll('zr-', `c${contentId(text)}-`);
  for (const [variable, colour] of Object.entries(COLOURS)) text = text.replaceAll(colour, `var(--${variable})`);
  return text;
}
