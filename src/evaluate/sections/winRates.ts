// Who wins against whom, as each judge has it.
import { forestPlot } from '../charts/forestPlot.ts';
import { html } from '../html.ts';
import type { Comparison } from '../reportData.ts';
import { figure, type Section, section } from '../reportLayout.ts';
import { formatInterval } from '../words.ts';

const WIDTH = 400;

/** One sentence a comparison: what the first judge says, and whether the others agree. */
export function winRateFinding({ a, b, judges }: Comparison): string {
  const [main, ...others] = judges;
  if (main === undefined) return '';
  const { value, low, high } = main.winRate;
  const verb = low > 0.5 ? 'beats' : high < 0.5 ? 'loses to' : 'is not clearly different from';
  const agreeing = others.filter(({ winRate }) => winRate.value > 0.5 === value > 0.5);
  const agreement =
    others.length === 0
      ? ''
      : agreeing.length === others.length
        ? ' All judges agree in direction.'
        : ` ${agreeing.length + 1} of ${judges.length} judges agree in direction.`;
  return `${a} ${verb} ${b}: ${formatInterval(main.winRate)} by ${main.judge}.${agreement}`;
}

export function winRatesSection(comparisons: ReadonlyArray<Comparison>): Section {
  const prompts = new Set(comparisons.flatMap(({ judges }) => judges.map((judge) => judge.prompts)));
  return section(
    'win-rate',
    'Win rate',
    html`<p>Each judge compares the replies of two models to the same held-out prompts
(${[...prompts].join(' or ')} of them). Intervals are 95 %, from a bootstrap over prompts; one that lies wholly to the
right of the dashed line is a win.</p>`,
    html`<div class="pair">${comparisons.map((comparison) => {
      const finding = winRateFinding(comparison);
      return figure(`${comparison.a} over ${comparison.b}`, finding, forestPlot(comparison, WIDTH, finding));
    })}</div>`,
  );
}
