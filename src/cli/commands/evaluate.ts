// fourfold evaluate: reward, win rate, KL and length of a model on held-out prompts.
import { EvaluateConfig } from '../../evaluate/config.ts';
import { defineCommand } from '../command.ts';
import { GREEDY_READS_NONE_OF, refuseUnread } from '../refuseUnread.ts';
import { startJob } from '../startJob.ts';

export const command = defineCommand({
  name: 'evaluate',
  describe: 'Evaluate a model on held-out prompts',
  config: EvaluateConfig,
  hubNames: { model: 'model', reference: 'model', rewardModel: 'model' },
  printsConfig: true,
  check(config, given) {
    if (config.temperature === 0)
      refuseUnread(config, given, { because: '--temperature 0', options: GREEDY_READS_NONE_OF });
  },
  stopNote: 'stopping; press Ctrl-C again to quit at once',
  async run(context) {
    const [{ evaluateModel }, { renderEvaluation }] = await Promise.all([
      import('../../evaluate/evaluateModel.ts'),
      import('../../evaluate/renderEvaluation.ts'),
    ]);
    const { artifact, evaluation } = await evaluateModel(await startJob(context, context.config), context.config);
    context.print(
      context.json
        ? JSON.stringify({ id: artifact.id, ...evaluation })
        : `${artifact.id}\n${renderEvaluation(evaluation)}`,
    );
  },
});
