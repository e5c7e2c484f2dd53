// The demo's last words in the terminal.
import { failuresFirst } from '../evaluate/gate.ts';
import { axisNumber, formatDuration, formatInterval, formatNumber, formatPercent } from '../evaluate/words.ts';
import type { DemoOutcome } from './runDemo.ts';
import type { DemoVerdict } from './verdict.ts';

const row = (name: string, ...cells: string[]) =>
  `${name.padEnd(34)}${cells.map((cell) => cell.padStart(12)).join('')}`;

/** @returns lines of text */
export function closingTable(
  { evaluations, policy }: DemoOutcome,
  { summary, checks }: DemoVerdict,
  { page, steps }: { page: string; steps: ReadonlyArray<{ text: string; command: string }> },
): string[] {
  const all = [evaluations.base, evaluations.sft, evaluations.policy].map(({ evaluation }) => evaluation);
  const { reward, winRate, rewardModel, kl, klTarget, seconds } = summary;
  return [
    '',
    `On ${all[0]?.prompts ?? 0} held-out prompts`,
    row('', 'base', 'SFT', 'policy'),
    row('reward', ...[reward.base, reward.sft, reward.policy].map((value) => formatNumber(value))),
    row('words a reply', ...all.map(({ replies }) => formatNumber(replies.words, 1))),
    row('replies that end', ...all.map(({ replies }) => formatPercent(replies.stopShare))),
    '',
    row('SFT over base (gold utility)', formatInterval(winRate.sftOverBase)),
    row('policy over SFT (gold utility)', formatInterval(winRate.policyOverSft)),
    row('KL from SFT, nats a reply', formatNumber(kl), `at most ${axisNumber(klTarget)}`),
    row(
      'reward model, held-out accuracy',
      formatPercent(rewardModel.accuracy),
      `length ${formatPercent(rewardModel.lengthBaseline)}`,
    ),
    row('time', formatDuration(seconds)),
    '',
    ...failuresFirst(checks).map((check) => `${check.passed ? 'yes' : 'NO '}  ${check.of}: ${check.reason}`),
    '',
    summary.passed
      ? `Passed: ${policy.id} is better than the model it started from.`
      : `NOT passed: ${policy.id} did not get better.`,
    `Report: ${page}`,
    '',
    'What next',
    ...steps.map(({ text, command }) => `  ${text}:\n    ${command}`),
  ];
}
