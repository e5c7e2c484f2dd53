// The top of the report: passed or not and why, and the key figures.
import { type Html, html } from '../html.ts';
import type { Interval } from '../interval.ts';
import type { Headline } from '../reportData.ts';
import { formatDuration, formatNumber, formatPercent, formatSigned } from '../words.ts';

interface Tile {
  label: string;
  value: string;
  detail: string;
}

export function headlineSection(headline: Headline): Html {
  const tiles = tilesOf(headline);
  return html`<section id="headline" class="${headline.passed === false ? 'failed' : 'passed'}" aria-label="Result">
${headline.passed === null ? null : verdict(headline.passed, headline.reasons)}
${tiles.length === 0 ? null : html`<dl class="tiles">${tiles.map(tileHtml)}</dl>`}
</section>`;
}

function verdict(passed: boolean, reasons: ReadonlyArray<string>): Html {
  return html`<div class="verdict"><p class="stamp">${passed ? 'Passed' : 'Not passed'}</p>
${reasons.length === 0 ? null : html`<ul>${reasons.map((reason) => html`<li>${reason}</li>`)}</ul>`}</div>`;
}

const tileHtml = ({ label, value, detail }: Tile) =>
  html`<div><dt>${label}</dt><dd><strong>${value}</strong><span>${detail}</span></dd></div>`;

function tilesOf(headline: Headline): Tile[] {
  const { winRate, reward, kl, klTarget, rewardModel, seconds, seed, engine } = headline;
  const tiles: Tile[] = [];
  if (winRate?.policyOverSft !== undefined) tiles.push(winTile('Policy over SFT', winRate.policyOverSft));
  if (winRate?.sftOverBase !== undefined) tiles.push(winTile('SFT over base', winRate.sftOverBase));
  if (reward !== undefined) {
    tiles.push({
      label: 'Reward of the policy',
      value: formatNumber(reward.policy, 2),
      detail: `base ${formatNumber(reward.base, 2)}, SFT ${formatNumber(reward.sft, 2)}, gain ${formatSigned(reward.policy - reward.sft)}`,
    });
  }
  if (kl !== undefined) {
    const target = klTarget === undefined ? '' : `, target ${formatNumber(klTarget)}`;
    tiles.push({ label: 'KL from SFT', value: formatNumber(kl), detail: `nats a reply${target}` });
  }
  if (rewardModel !== undefined) {
    tiles.push({
      label: 'Reward model',
      value: formatPercent(rewardModel.accuracy),
      detail: `of held-out pairs; by length alone ${formatPercent(rewardModel.lengthBaseline)}`,
    });
  }
  if (seconds !== undefined) {
    const where = [engine === undefined ? [] : [`on ${engine}`], seed === undefined ? [] : [`seed ${seed}`]].flat();
    tiles.push({ label: 'Time', value: formatDuration(seconds), detail: where.join(', ') });
  } else if (engine !== undefined || seed !== undefined) {
    tiles.push({ label: 'Engine', value: engine ?? '–', detail: seed === undefined ? '' : `seed ${seed}` });
  }
  return tiles;
}

const winTile = (label: string, { value, low, high }: Interval): Tile => ({
  label,
  value: formatPercent(value),
  detail: `of prompts won, interval ${formatPercent(low)} to ${formatPercent(high)}`,
});
