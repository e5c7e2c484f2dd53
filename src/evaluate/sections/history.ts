// Evaluations over time: how the reward of the evaluated models moved.
import { COLOURS } from '../charts/draw.ts';
import { lineChart } from '../charts/lineChart.ts';
import { html } from '../html.ts';
import type { HistoryPoint, Point } from '../reportData.ts';
import { figure, type Section, section, table } from '../reportLayout.ts';
import { describeCurve, formatInterval } from '../words.ts';

const SIZE = { width: 400, height: 215 };

export function historySection(history: ReadonlyArray<HistoryPoint>): Section {
  const points = history.map(({ reward }, i): Point => [i + 1, reward.value]);
  const finding = describeCurve('Mean reward', points, 'evaluations');
  const drawing = lineChart({
    ...SIZE,
    curves: [{ name: '', points, colour: COLOURS.policy }],
    xName: 'evaluation',
    label: finding,
  });
  return section('history', 'Evaluations so far', [
    figure('Mean reward by evaluation', finding, drawing),
    table(
      'Evaluations, oldest first',
      [{ title: 'Evaluation' }, { title: 'Model' }, { title: 'When' }, { title: 'Reward', isNumber: true }],
      history.map(({ evaluation, model, createdAt, reward }) => [
        evaluation,
        model,
        html`<time datetime="${createdAt}">${createdAt.slice(0, 16).replace('T', ' ')}</time>`,
        formatInterval(reward),
      ]),
    ),
  ]);
}
