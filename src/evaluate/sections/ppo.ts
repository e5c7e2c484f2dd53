// The curves of reinforcement learning: reward, KL, one against the other, and what tells whether PPO is healthy.
import { COLOURS } from '../charts/draw.ts';
import { lineChart } from '../charts/lineChart.ts';
import { CONTROLLER_TARGET, rewardKlChart } from '../charts/rewardKlChart.ts';
import { type Html, html } from '../html.ts';
import type { Point, PpoHistory, PpoIteration } from '../reportData.ts';
import { figure } from '../reportLayout.ts';
import { axisNumber, describeCurve, endsOf, formatNumber } from '../words.ts';

/** The three that matter most are a little taller than the rest. */
const MAIN = { width: 330, height: 240 };
const SMALL = { width: 330, height: 190 };

const SMALL_FIGURES: ReadonlyArray<{ key: keyof PpoIteration; title: string; quantity: string; yMax?: number }> = [
  { key: 'entropy', title: 'Entropy, nats a token', quantity: 'Entropy' },
  { key: 'replyLength', title: 'Reply length, tokens', quantity: 'Reply length' },
  { key: 'clipFraction', title: 'Clip fraction', quantity: 'The clipped share of tokens' },
  { key: 'klCoefficient', title: 'KL coefficient', quantity: 'The KL coefficient' },
  { key: 'valueLoss', title: 'Value loss', quantity: 'Value loss' },
  { key: 'explainedVariance', title: 'Explained variance', quantity: 'Explained variance', yMax: 1 },
];

export function ppoFigures(history: PpoHistory): Html {
  const { iterations, klTarget } = history;
  const reward = pointsOf(iterations, 'reward');
  const kl = pointsOf(iterations, 'kl');
  const rewardWords = describeCurve('Reward of the roll-outs', reward, 'iterations');
  const klWords = describeCurve('KL', kl, 'iterations') + targetWords(klTarget, endsOf(kl)?.last);
  const pathWords = describePath(history);
  const curve = (points: Point[]) => [{ name: '', points, colour: COLOURS.policy }];
  const references = klTarget === null ? [] : [{ name: CONTROLLER_TARGET, y: klTarget }];
  return html`<div class="triple">${[
    figure(
      'PPO, reward',
      rewardWords,
      lineChart({ ...MAIN, curves: curve(reward), xName: 'iteration', label: rewardWords }),
    ),
    figure(
      'PPO, KL from SFT, nats a reply',
      klWords,
      lineChart({ ...MAIN, curves: curve(kl), xName: 'iteration', references, yMin: 0, label: klWords }),
    ),
    figure('PPO, reward against KL', pathWords, rewardKlChart(history, MAIN, pathWords)),
  ]}</div><div class="triple">${SMALL_FIGURES.map(({ key, title, quantity, yMax }) => {
    const points = pointsOf(iterations, key);
    if (points.length === 0) return null;
    const words = describeCurve(quantity, points, 'iterations');
    const ends = yMax === undefined ? {} : { yMax };
    const drawing = lineChart({ ...SMALL, curves: curve(points), xName: 'iteration', ...ends, label: words });
    return figure(title, words, drawing, 'small');
  })}</div>`;
}

function pointsOf(iterations: ReadonlyArray<PpoIteration>, key: keyof PpoIteration): Point[] {
  return iterations.flatMap((iteration): Point[] => {
    const value = iteration[key];
    return value === undefined ? [] : [[iteration.step, value]];
  });
}

function targetWords(target: number | null, last: number | undefined): string {
  if (target === null || last === undefined) return '';
  return ` It ends ${last <= target ? 'within' : 'above'} the ${CONTROLLER_TARGET} of ${axisNumber(target)}.`;
}

/** Whether reward still grew at the end of the path: reward that falls while KL grows is over-optimisation. */
function describePath({ iterations }: PpoHistory): string {
  const best = iterations.reduce((found, iteration) => (iteration.reward > found.reward ? iteration : found));
  const spent = `The best roll-outs have reward ${formatNumber(best.reward)} at a KL of ${formatNumber(best.kl)}`;
  return `${spent} (iteration ${best.step}). A path that turns down as it goes right would be over-optimisation.`;
}
