// The replies as texts: length, endings, repetition, variety and distance.
import { type Html, html } from '../html.ts';
import type { ReplyRow } from '../reportData.ts';
import { modelName, NOTHING, type Section, section, table } from '../reportLayout.ts';
import { formatInterval, formatNumber, formatPercent } from '../words.ts';

export function repliesSection(rows: ReadonlyArray<ReplyRow>): Section {
  const columns = ['Reward', 'Words', 'Tokens', 'Ended by itself', 'Repetition', 'Distinct bigrams', 'KL'];
  return section(
    'lengths',
    'Length and distance',
    html`<p>Means over the replies to the held-out prompts. Repetition is the share of a reply’s word trigrams that
stood in it before; distinct bigrams are counted over all replies of a model; KL is in nats a
reply, from the model that is named below the figure. Reward that grows with length alone, or with repetition, would be a reward model misled.</p>`,
    table(
      'Replies of each model',
      [{ title: 'Model' }, ...columns.map((title) => ({ title, isNumber: true }))],
      rows.map((row) => [
        modelName(row.name, row.role),
        row.reward === undefined ? NOTHING : formatInterval(row.reward),
        formatNumber(row.words, 1),
        row.tokens === undefined ? NOTHING : formatNumber(row.tokens, 1),
        formatPercent(row.stopShare),
        formatPercent(row.repetition),
        formatPercent(row.distinct2),
        row.kl === undefined ? NOTHING : klCell(row.kl, row.klReference),
      ]),
    ),
  );
}

function klCell(kl: number, reference: string | undefined): Html {
  return html`${formatNumber(kl)}${reference === undefined ? null : html`<small>from ${reference}</small>`}`;
}
