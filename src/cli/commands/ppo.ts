// fourfold ppo: phase 4, improve the policy against the reward model.
import { PpoConfig } from '../../ppo/config.ts';
import { defineCommand } from '../command.ts';
import { refuseLoraUnread, refuseUnread } from '../refuseUnread.ts';
import { startJob } from '../startJob.ts';

export const command = defineCommand({
  name: 'ppo',
  describe: 'Phase 4: improve a chat model by PPO with a KL penalty',
  config: PpoConfig,
  hubNames: { model: 'model', rewardModel: 'model' },
  printsConfig: true,
  check(config, given) {
    refuseLoraUnread(config, given);
    if (config.klTarget !== undefined) return;
    const klHorizon = PpoConfig.shape.klHorizon.parse(undefined);
    refuseUnread(config, given, { because: 'ppo without --kl-target', options: { klHorizon } });
  },
  async run(context) {
    const { trainPpo } = await import('../../ppo/train.ts');
    const policy = await trainPpo(await startJob(context, context.config), context.config);
    const { reward, kl, step } = policy.metrics;
    context.print(
      context.json
        ? JSON.stringify(policy)
        : `${policy.id}: ${step} iterations, last reward ${reward?.toFixed(3)}, KL ${kl?.toFixed(2)} nats a reply`,
    );
  },
});
