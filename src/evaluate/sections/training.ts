// How the models came to be: curves of each phase.
import { COLOURS } from '../charts/draw.ts';
import { type LineChartOptions, lineChart } from '../charts/lineChart.ts';
import { type Html, html } from '../html.ts';
import type { LossCurve, Point, RewardModelHistory, Training } from '../reportData.ts';
import { figure, type Section, section } from '../reportLayout.ts';
import { describeCurve, formatPercent } from '../words.ts';
import { ppoFigures } from './ppo.ts';

const HALF = { width: 400, height: 225 };

export function trainingSection(training: Training): Section {
  const { pretrain, sft, rewardModel, ppo } = training;
  const early = [
    pretrain === undefined || isEmpty(pretrain)
      ? null
      : lossFigure('Pretraining of the base model', pretrain, COLOURS.ink),
    sft === undefined || isEmpty(sft) ? null : lossFigure('Supervised fine-tuning', sft, COLOURS.sft),
    ...(rewardModel === undefined ? [] : rewardModelFigures(rewardModel)),
  ];
  return section(
    'training',
    'Training',
    html`<p>The sentences under the figures compare the means of the first and of the last tenth of a curve.</p>
<div class="pair">${early}</div>`,
    ppo === undefined ? null : ppoFigures(ppo),
  );
}

/** A curve over training pairs or tokens and the same over those held out. */
function curvesOf({ train, validation }: LossCurve, colour: string): LineChartOptions['curves'] {
  return [
    { name: 'train', points: train, colour: COLOURS.base },
    { name: 'held out', points: validation, colour },
  ];
}

const described = ({ train, validation }: LossCurve): { word: string; points: Point[] } =>
  validation.length > 0 ? { word: 'Held-out', points: validation } : { word: 'Training', points: train };

function lossFigure(title: string, curve: LossCurve, colour: string): Html {
  const { word, points } = described(curve);
  const finding = describeCurve(`${word} loss`, points, 'steps');
  return figure(title, finding, lineChart({ ...HALF, curves: curvesOf(curve, colour), xName: 'step', label: finding }));
}

const isEmpty = ({ train, validation }: LossCurve) => train.length + validation.length === 0;

function rewardModelFigures(history: RewardModelHistory): Array<Html | null> {
  const { loss, accuracy } = history;
  return [
    isEmpty(loss) ? null : lossFigure('Reward model, loss', loss, COLOURS.other),
    isEmpty(accuracy) ? null : accuracyFigure(history),
  ];
}

function accuracyFigure({ accuracy, lengthBaseline }: RewardModelHistory): Html {
  const { word, points } = described(accuracy);
  const baseline = lengthBaseline === undefined ? '' : ` By length alone it would be ${formatPercent(lengthBaseline)}.`;
  const finding = `${describeCurve(`${word} accuracy`, points, 'steps')}${baseline}`;
  const chart = lineChart({
    ...HALF,
    curves: curvesOf(accuracy, COLOURS.other),
    xName: 'step',
    references: [...(lengthBaseline === undefined ? [] : [{ name: 'by length alone', y: lengthBaseline }])],
    yMax: 1,
    label: finding,
  });
  return figure('Reward model, accuracy', finding, chart);
}
