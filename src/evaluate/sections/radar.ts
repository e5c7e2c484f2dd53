// Utility by dimension: the radar chart and its figures.
import { radarChart } from '../charts/radarChart.ts';
import { html } from '../html.ts';
import type { RadarSection } from '../reportData.ts';
import { figure, listed, modelName, NOTHING, type Section, section, table } from '../reportLayout.ts';
import { formatNumber } from '../words.ts';

const SIZE = { width: 440, height: 350 };

/** Where the last model is ahead of the one before it, and where it is not. */
export function radarFinding({ dimensions, models }: RadarSection): string {
  const [before, after] = [models.at(-2), models.at(-1)];
  if (after === undefined) return '';
  if (before === undefined) return `Mean utility of ${after.name} over ${dimensions.length} dimensions.`;
  const behind = dimensions.filter((_, i) => (after.values[i]?.value ?? 0) <= (before.values[i]?.value ?? 0));
  const ahead = dimensions.length - behind.length;
  if (behind.length === 0) return `${after.name} is ahead of ${before.name} in all ${ahead} dimensions.`;
  return `${after.name} is ahead of ${before.name} in ${ahead} of ${dimensions.length} dimensions, not in ${listed(behind)}.`;
}

export function radarSection(data: RadarSection): Section {
  const finding = radarFinding(data);
  const rows = data.dimensions.map((dimension, i) => [
    dimension,
    ...data.models.map(({ values }) => {
      const interval = values[i];
      if (interval === undefined) return NOTHING;
      const { value, low, high } = interval;
      return html`${formatNumber(value, 2)} <small>${formatNumber(low, 2)}–${formatNumber(high, 2)}</small>`;
    }),
  ]);
  const columns = [{ title: 'Dimension' }, ...data.models.map(({ name }) => ({ title: name, isNumber: true }))];
  return section(
    'dimensions',
    'By dimension',
    html`<p>Mean utility of the replies, from 0 to 1, by ${data.judge}.</p>
<p class="legend">${data.models.map(({ name, role }) => modelName(name, role))}</p>
<div class="pair">${[
      figure('Utility over the dimensions', finding, radarChart(data, SIZE, finding)),
      table('Mean utility with its 95 % interval', columns, rows),
    ]}</div>`,
  );
}
