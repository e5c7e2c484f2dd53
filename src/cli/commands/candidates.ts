// fourfold candidates: phase 1, replies of several versions.
import { CandidatesConfig } from '../../sft/candidatesConfig.ts';
import { defineCommand } from '../command.ts';
import { GREEDY_READS_NONE_OF, refuseUnread } from '../refuseUnread.ts';
import { startJob } from '../startJob.ts';

const { shape } = CandidatesConfig;

export const command = defineCommand({
  name: 'candidates',
  describe: 'Phase 1: collect replies of several model versions',
  config: CandidatesConfig,
  hubNames: { models: 'model' },
  printsConfig: true,
  check(config, given) {
    if (config.temperature === 0)
      refuseUnread(config, given, { because: '--temperature 0', options: GREEDY_READS_NONE_OF });
    if (config.servers.length === 0)
      refuseUnread(config, given, {
        because: 'candidates without servers',
        options: { concurrency: shape.concurrency.parse(undefined) },
      });
    if (config.models.length === 0)
      refuseUnread(config, given, {
        because: 'candidates without --models',
        options: { batchSize: shape.batchSize.parse(undefined) },
      });
  },
  stopNote: 'stopping: finishing the batch; press Ctrl-C again to quit at once',
  async run(context) {
    const { collectCandidates } = await import('../../sft/candidates.ts');
    const set = await collectCandidates(await startJob(context, context.config), context.config);
    context.print(
      context.json
        ? JSON.stringify(set)
        : `${set.id}: ${set.metrics.candidates} replies to ${set.metrics.prompts} prompts by ${set.versions.join(', ')}`,
    );
  },
});
