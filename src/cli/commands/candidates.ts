// fourfold candidates: phase 1, replies of several versions.
import { CandidatesConfig } from '../../sft/candidatesConfig.ts';
import { defineCommand } from '../command.ts';
import { startJob } from '../startJob.ts';

export const command = defineCommand({
  name: 'candidates',
  describe: 'Phase 1: collect replies of several model versions',
  config: CandidatesConfig,
  printsConfig: true,
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
