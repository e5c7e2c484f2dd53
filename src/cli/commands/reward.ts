// fourfold reward: phase 3, train a reward model on pairs.
import { RewardConfig } from '../../reward/config.ts';
import { defineCommand } from '../command.ts';
import { refuseLoraUnread } from '../refuseUnread.ts';
import { startJob } from '../startJob.ts';

const percent = (share: number | undefined) => (share === undefined ? 'unknown' : `${(100 * share).toFixed(1)}%`);

export const command = defineCommand({
  name: 'reward',
  describe: 'Phase 3: train a reward model on pairs',
  config: RewardConfig,
  hubNames: { model: 'model' },
  printsConfig: true,
  check: refuseLoraUnread,
  async run(context) {
    const { trainReward } = await import('../../reward/train.ts');
    const model = await trainReward(await startJob(context, context.config), context.config);
    const { accuracy, accuracyLow, accuracyHigh, lengthBaseline } = model.metrics;
    context.print(
      context.json
        ? JSON.stringify(model)
        : `${model.id}: held-out accuracy ${percent(accuracy)} (${percent(accuracyLow)} to ${percent(accuracyHigh)}), length alone ${percent(lengthBaseline)}`,
    );
  },
});
