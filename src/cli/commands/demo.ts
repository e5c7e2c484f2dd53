// fourfold demo: the four phases on the bundled data, in minutes, with a report.
import { z } from 'zod';
import { engineKeys } from '../../core/backendName.ts';
import { defineCommand } from '../command.ts';
import { startJob } from '../startJob.ts';

const DemoConfig = z.strictObject({
  seed: z.int().min(0).default(1).describe('Seed of everything random'),
  ...engineKeys,
});

export const command = defineCommand({
  name: 'demo',
  describe: 'Run all four phases on the bundled data and report what came of it',
  config: DemoConfig,
  printsConfig: true,
  stopNote: 'stopping; what is finished stays in the workspace; press Ctrl-C again to quit at once',
  async run(context) {
    const startedAt = performance.now();
    const { config, json, print, note } = context;
    const [{ runDemo }, { judgeDemo }, { nextSteps, writeDemoReport }, { closingTable }, { FourfoldError }] =
      await Promise.all([
        import('../../demo/runDemo.ts'),
        import('../../demo/verdict.ts'),
        import('../../demo/demoReport.ts'),
        import('../../demo/closingTable.ts'),
        import('../../core/errors.ts'),
      ]);
    const job = await startJob(context, config);
    note(`workspace ${context.workspaceDir}, engine ${job.engine}`);
    const outcome = await runDemo(job, config.seed);
    const verdict = judgeDemo(outcome, Math.round((performance.now() - startedAt) / 100) / 10);
    const page = await writeDemoReport(job, outcome, verdict, {
      seed: config.seed,
      workspaceArgument: context.workspaceDir,
    });
    const lines = closingTable(outcome, verdict, { page, steps: nextSteps(outcome, context.workspaceDir) });
    for (const line of lines) json ? note(line) : print(line);
    if (json) print(JSON.stringify(verdict.summary));
    if (!verdict.summary.passed) {
      const failed = verdict.checks.filter((check) => !check.passed).map((check) => `${check.of}: ${check.reason}`);
      throw new FourfoldError(
        'not-better',
        `The policy did not get better as told by the held-out prompts. ${failed.join(' ')} The report has all figures.`,
      );
    }
  },
});
