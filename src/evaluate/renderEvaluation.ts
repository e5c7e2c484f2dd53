// An evaluation as a table for the terminal.
import type { Evaluation } from './evaluation.ts';
import type { Interval } from './interval.ts';
import { formatInterval, formatNumber, formatPercent, formatSigned } from './words.ts';

type Row = readonly [label: string, value: string, note?: string];

const BAR_WIDTH = 20;

/** Lines without colour, at most about 90 columns wide; intervals are 95 %. */
export function renderEvaluation(evaluation: Evaluation): string {
  const { model, reference, prompts, samplesPerPrompt } = evaluation;
  const against = reference === null ? '' : `, against ${reference}`;
  const title = `${model} on ${prompts} prompts, ${samplesPerPrompt} ${samplesPerPrompt === 1 ? 'sample' : 'samples'} each${against}`;
  return [title, '', ...aligned(figureRows(evaluation)), ...radarLines(evaluation), ...dimensionLines(evaluation)].join(
    '\n',
  );
}

function figureRows(evaluation: Evaluation): Row[] {
  const { reward, rewardGain, kl, replies, referenceReplies, rewardModel } = evaluation;
  const rows: Row[] = [];
  if (reward !== null) rows.push(['reward', formatInterval(reward), `by ${rewardModel ?? 'the reward model'}`]);
  if (rewardGain !== null) rows.push(['reward gain', formatInterval(rewardGain), 'paired by prompt']);
  for (const [judge, rate] of Object.entries(evaluation.winRate)) {
    rows.push([`win rate, ${judge}`, formatInterval(rate), verdictOf(rate)]);
  }
  if (kl !== null) rows.push(['KL', formatInterval(kl), 'nats a reply']);
  const was = (value: number | undefined, format: (value: number) => string) =>
    value === undefined ? '' : `reference ${format(value)}`;
  const words = (value: number) => formatNumber(value, 1);
  rows.push(['words a reply', words(replies.words), was(referenceReplies?.words, words)]);
  rows.push(['ended by itself', formatPercent(replies.stopShare), was(referenceReplies?.stopShare, formatPercent)]);
  rows.push(['repetition', formatPercent(replies.repetition), was(referenceReplies?.repetition, formatPercent)]);
  rows.push(['distinct bigrams', formatPercent(replies.distinct2), was(referenceReplies?.distinct2, formatPercent)]);
  return rows;
}

function verdictOf({ low, high }: Interval): string {
  if (low > 0.5) return 'better';
  return high < 0.5 ? 'worse' : 'not clear of one half';
}

function aligned(rows: ReadonlyArray<Row>): string[] {
  const widthOf = (column: 0 | 1) => Math.max(0, ...rows.map((row) => row[column].length));
  const [labels, values] = [widthOf(0), widthOf(1)];
  return rows.map(([label, value, note = '']) =>
    `  ${label.padEnd(labels)}  ${value.padEnd(values)}  ${note}`.trimEnd(),
  );
}

function radarLines({ radar }: Evaluation): string[] {
  if (radar === null) return [];
  const rows = Object.entries(radar.dimensions).map(([dimension, utility]): Row => {
    const filled = Math.round(Math.min(1, Math.max(0, utility.value)) * BAR_WIDTH);
    return [dimension, `${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}`, formatInterval(utility)];
  });
  return ['', `  utility by dimension, ${radar.judge}, 0 to 1`, ...aligned(rows)];
}

function dimensionLines({ perDimension, winRate }: Evaluation): string[] {
  const judges = Object.keys(winRate);
  if (perDimension.length === 0 || judges.length === 0) return [];
  const rows = perDimension.map((row): Row => {
    const rates = judges
      .flatMap((judge) => {
        const rate = row.winRate[judge];
        return rate === undefined ? [] : [`${judge} ${formatNumber(rate)}`];
      })
      .join(', ');
    const reward = row.reward === null ? '' : `reward ${formatSigned(row.reward)}`;
    return [`${row.dimension} (${row.prompts})`, reward, rates];
  });
  return ['', '  win rate by dimension (prompts)', ...aligned(rows)];
}
