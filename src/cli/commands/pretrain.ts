// fourfold pretrain: a small base model from plain text.
import { PretrainConfig } from '../../sft/config.ts';
import { defineCommand } from '../command.ts';
import { startJob } from '../startJob.ts';

export const command = defineCommand({
  name: 'pretrain',
  describe: 'Pretrain a small base model on plain text',
  config: PretrainConfig,
  hubNames: { tokenizer: 'tokenizer' },
  printsConfig: true,
  async run(context) {
    const { pretrain } = await import('../../sft/pretrain.ts');
    const model = await pretrain(await startJob(context, context.config), context.config);
    context.print(context.json ? JSON.stringify(model) : `${model.id}: loss ${model.metrics.loss?.toFixed(3)}`);
  },
});
