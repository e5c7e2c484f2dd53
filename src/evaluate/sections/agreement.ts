// How far raters and judge agree, and what was estimated of each rater.
import { html } from '../html.ts';
import type { Agreement } from '../reportData.ts';
import { NOTHING, type Section, section, table } from '../reportLayout.ts';
import { formatNumber, formatPercent, formatSigned } from '../words.ts';

const KIND = { human: 'human', simulated: 'simulated', judge: 'judge' } as const;

export function agreementSection({ measures, raters }: Agreement): Section {
  const measureRows = measures.map(({ name, between, value, low, high }) => [
    name,
    between,
    formatNumber(value, 2),
    low === undefined || high === undefined ? NOTHING : `${formatNumber(low, 2)} to ${formatNumber(high, 2)}`,
  ]);
  const raterRows = raters.map((rater) => [
    rater.name,
    html`<span class="tag ${rater.kind}">${KIND[rater.kind]}</span>`,
    formatNumber(rater.judgements, 0),
    rater.agreement === undefined ? NOTHING : formatPercent(rater.agreement),
    rater.bias === undefined ? NOTHING : formatSigned(rater.bias),
    rater.reliability === undefined ? NOTHING : formatNumber(rater.reliability, 2),
    rater.note ?? NOTHING,
  ]);
  return section(
    'agreement',
    'Agreement',
    html`<p>An agreement of 1 is perfect, 0 is what chance gives. A rater’s bias is estimated: how far the scores lie
above or below the panel’s, in points of the scale from 1 to 5.</p>`,
    measureRows.length === 0
      ? null
      : table(
          'Measures of agreement',
          [
            { title: 'Measure' },
            { title: 'Between' },
            { title: 'Value', isNumber: true },
            { title: '95 % interval', isNumber: true },
          ],
          measureRows,
        ),
    raterRows.length === 0
      ? null
      : table(
          'Raters',
          [
            { title: 'Rater' },
            { title: 'Kind' },
            { title: 'Judgements', isNumber: true },
            { title: 'Agrees with the others', isNumber: true },
            { title: 'Bias', isNumber: true },
            { title: 'Reliability', isNumber: true },
            { title: 'Note', isLong: true },
          ],
          raterRows,
        ),
  );
}
