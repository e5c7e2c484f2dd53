// fourfold sft: phase 1, fine-tune on demonstrations.
import { SftConfig } from '../../sft/config.ts';
import { defineCommand } from '../command.ts';
import { refuseLoraUnread } from '../refuseUnread.ts';
import { startJob } from '../startJob.ts';

export const command = defineCommand({
  name: 'sft',
  describe: 'Phase 1: fine-tune a model on demonstrations',
  config: SftConfig,
  hubNames: { model: 'model' },
  printsConfig: true,
  check: refuseLoraUnread,
  async run(context) {
    const { finetune } = await import('../../sft/sft.ts');
    const versions = await finetune(await startJob(context, context.config), context.config);
    for (const model of versions) {
      context.print(
        context.json
          ? JSON.stringify(model)
          : `${model.id}: step ${model.metrics.step}, loss ${model.metrics.loss?.toFixed(3)}`,
      );
    }
  },
});
