// The top of the report: passed or not and why, and the key figures.
import { decimalsNear, failuresFirst } from '../gate.ts';
import { type Html, html } from '../html.ts';
import type { Interval } from '../interval.ts';
import type { Headline } from '../reportData.ts';
import { axisNumber, formatDuration, formatNumber, formatPercent, formatSigned } from '../words.ts';

interface Tile {
  label: string;
  value: string;
  detail: string;
}

export function headlineSection(headline: Headline): Html {
  const tiles = tilesOf(headline);
  return html`<section id="headline" class="${headline.passed === false ? 'failed' : 'passed'}" aria-label="Result">
${headline.passed === null ? null : verdict(headline.passed, headline)}
${tiles.length === 0 ? null : html`<dl class="tiles">${tiles.map(tileHtml)}</dl>`}
</section>`;
}

function verdict(passed: boolean, { checks, reasons }: Headline): Html {
  const items =
    checks.length > 0 ? failuresFirst(checks).map(checkItem) : reasons.map((reason) => html`<li>${reason}</li>`);
  return html`<div class="verdict"><p class="stamp">${passed ? 'Passed' : 'Not passed'}</p>
${items.length === 0 ? null : html`<ul>${items}</ul>`}</div>`;
}

function checkItem({ passed, of, reason }: Headline['checks'][number]): Html {
  const [kind, word, sign] = passed ? ['met', 'passed', '✓'] : ['missed', 'failed', '✗'];
  return html`<li class="${kind}"><span class="sign" role="img" aria-label="${word}">${sign}</span>${
    of === undefined ? '' : `${of}: `
  }${reason}</li>`;
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
    const bound = klTarget === undefined ? '' : `, at most ${axisNumber(klTarget)} to pass`;
    tiles.push({ label: 'KL from SFT', value: formatNumber(kl), detail: `nats a reply${bound}` });
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

/** A share with a decimal more where it is not plain on which side of one half it lies. */
const nearHalf = (share: number) =>
  decimalsNear(share, 0.5) > 2 ? `${formatNumber(share * 100, 1)} %` : formatPercent(share);

const winTile = (label: string, { value, low, high }: Interval): Tile => ({
  label,
  value: formatPercent(value),
  detail: `of prompts won, interval ${nearHalf(low)} to ${formatPercent(high)}`,
});
