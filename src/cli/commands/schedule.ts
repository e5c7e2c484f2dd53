// fourfold schedule: evaluations that `fourfold serve` runs by the clock.
import { z } from 'zod';
import { FourfoldError, messageOf } from '../../core/errors.ts';
import { EvaluateConfig } from '../../evaluate/config.ts';
import type { Workspace } from '../../store/workspace.ts';
import { type Command, defineCommand } from '../command.ts';
import { tableText } from '../table.ts';

type Prepared = ReturnType<Command['prepare']>;

const EXAMPLE =
  'fourfold schedule add --cron "0 3 * * *" --set evaluate.model=policy-1 --set evaluate.prompts=prompt-set-1';

/** @throws bad-option where fourfold evaluate would not take the options. */
async function prepareEvaluation(options: Record<string, unknown>): Promise<Prepared> {
  const [{ command }, { parseConfig }] = await Promise.all([import('./evaluate.ts'), import('../resolveConfig.ts')]);
  try {
    // Here the options are not flags: an error names them as they are written here.
    parseConfig(EvaluateConfig, options, { nameOf: (key) => `--set evaluate.${key}=...` });
    return command.prepare(options);
  } catch (error) {
    const isOurs = error instanceof FourfoldError;
    throw isOurs
      ? new FourfoldError(error.code, `Options of the evaluation: ${error.message}`, { cause: error })
      : error;
  }
}

/** Checks that all that the evaluation names is there now. @throws not-found, bad-input. */
async function checkReferences(
  workspace: Workspace,
  { model, reference, rewardModel, prompts }: EvaluateConfig,
  path: (given: string) => string,
): Promise<void> {
  const { checkPrompts, resolveModel } = await import('../../store/references.ts');
  resolveModel(workspace, model, path, 'model');
  if (reference !== undefined) resolveModel(workspace, reference, path, 'model');
  if (rewardModel !== undefined) resolveModel(workspace, rewardModel, path, 'reward-model');
  await checkPrompts(workspace, prompts, path);
}

const add = defineCommand({
  name: 'schedule add',
  describe: 'Schedule an evaluation; fourfold serve runs it',
  example: EXAMPLE,
  config: z.strictObject({
    cron: z
      .string()
      .min(1)
      .describe('When, in local time: five cron fields, or six with seconds first, e.g. "0 3 * * *"'),
    evaluate: z
      .record(z.string(), z.unknown())
      .default({})
      .describe('Options of fourfold evaluate, each as --set evaluate.NAME=VALUE'),
  }),
  async run(context) {
    const { config, workspace: openWorkspace, path, json, print } = context;
    const [{ cronProblem }, { nextFiringOf }, { withAbsolutePaths }, { withHubModels }] = await Promise.all([
      import('../../evaluate/schedule.ts'),
      import('../cron.ts'),
      import('../../store/paths.ts'),
      import('../hubModels.ts'),
    ]);
    const problem = cronProblem(config.cron);
    if (problem !== null) {
      throw new FourfoldError(
        'bad-option',
        `--cron: ${JSON.stringify(config.cron)} is of no use: ${problem.replace(/\.$/, '')}. ` +
          'Expected five cron fields, or six with seconds first, such as "0 3 * * *".',
      );
    }
    // A mistake in the options shows now, not at three in the morning.
    const { command } = await import('./evaluate.ts');
    await prepareEvaluation(config.evaluate);
    const options = await withHubModels(config.evaluate, command, context);
    const workspace = await openWorkspace();
    await checkReferences(workspace, EvaluateConfig.parse(options), path);
    const evaluate = withAbsolutePaths(workspace, options, path);
    const schedule = workspace.schedules.add({ cron: config.cron, evaluate });
    const next = nextFiringOf(config.cron);
    print(json ? JSON.stringify({ ...schedule, next }) : `${schedule.id}: ${schedule.cron}, next ${next}`);
  },
});

const list = defineCommand({
  name: 'schedule list',
  describe: 'List the schedules with their next firing and their history',
  config: z.strictObject({
    history: z.int().min(0).default(3).describe('How many of the latest firings to show of each'),
  }),
  async run({ config, workspace, json, print, note }) {
    const { nextFiringOf } = await import('../cron.ts');
    const found = (await workspace()).schedules.list().map((schedule) => ({
      ...schedule,
      next: nextFiringOf(schedule.cron),
    }));
    if (json) return print(JSON.stringify(found));
    if (found.length === 0) return note(`No schedule yet. Add one: ${EXAMPLE}`);
    const rows = found.map(({ id, cron, next, evaluate, history }) => [
      id,
      cron,
      next ?? 'never',
      String(history.length),
      JSON.stringify(evaluate),
    ]);
    print(tableText(['id', 'cron', 'next', 'fired', 'evaluate'], rows));
    for (const { id, history } of found) {
      for (const firing of config.history === 0 ? [] : history.slice(-config.history)) {
        print(`  ${id}  ${firing.startedAt}  ${firing.evaluationId ?? `failed: ${firing.error}`}`);
      }
    }
  },
});

const remove = defineCommand({
  name: 'schedule remove',
  describe: 'Remove a schedule with its history',
  config: z.strictObject({ id: z.string().min(1).describe('Id of the schedule') }),
  positionals: ['id'],
  async run({ config, workspace, json, print }) {
    (await workspace()).schedules.remove(config.id);
    print(json ? JSON.stringify({ removed: config.id }) : `Removed ${config.id}.`);
  },
});

const runNow = defineCommand({
  name: 'schedule run',
  describe: "Run a schedule's evaluation now and keep it in the schedule's history",
  config: z.strictObject({ id: z.string().min(1).describe('Id of the schedule') }),
  positionals: ['id'],
  printsConfig: true,
  async run(context) {
    const { artifacts, schedules } = await context.workspace();
    const schedule = schedules.require(context.config.id);
    const idsNow = () => artifacts.list('evaluation').map((evaluation) => evaluation.id);
    const before = new Set(idsNow());
    const startedAt = new Date().toISOString();
    let error: string | null = null;
    try {
      const evaluation = await prepareEvaluation(schedule.evaluate);
      await evaluation.run(context);
    } catch (thrown) {
      error = messageOf(thrown);
      throw thrown;
    } finally {
      const evaluationId = idsNow().find((id) => !before.has(id)) ?? null;
      schedules.recordFiring(schedule.id, { startedAt, finishedAt: new Date().toISOString(), evaluationId, error });
    }
  },
});

export const commands = [add, list, remove, runNow];
