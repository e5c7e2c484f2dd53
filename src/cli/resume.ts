// --resume RUN: the run's own configuration stands; an option that says otherwise is an error, never ignored.
import { FourfoldError } from '../core/errors.ts';
import { kebab } from './options.ts';

/** Options that may differ when a run goes on. */
const FREE = new Set(['resume', 'backend', 'threads']);

/**
 * The given options over those of the run that `resume` names; as they are where nothing is resumed.
 * @throws not-found, bad-option where an option differs from the run's or the run is another command's.
 */
export async function withResumedRun(
  given: Record<string, unknown>,
  { command, workspaceDir, path }: { command: string; workspaceDir: string; path: (given: string) => string },
): Promise<Record<string, unknown>> {
  if (typeof given.resume !== 'string') return given;
  const [{ openWorkspace }, { isSameOption }] = await Promise.all([
    import('../store/workspace.ts'),
    import('../store/paths.ts'),
  ]);
  const run = await (await openWorkspace(workspaceDir)).runs.open(given.resume);
  if (run.command !== command) {
    throw new FourfoldError(
      'bad-option',
      `--resume: expected a run of ${command}, but ${run.id} is a run of ${run.command}.`,
    );
  }
  for (const [key, value] of Object.entries(given)) {
    if (FREE.has(key) || isSameOption(key, run.config[key], value, path)) continue;
    throw new FourfoldError(
      'bad-option',
      `--${kebab(key)} is ${JSON.stringify(value)}, but ${run.id} was started with ${JSON.stringify(run.config[key])}. ` +
        'A run goes on as it was started; leave the option out, or start a new run.',
    );
  }
  const free = Object.fromEntries(Object.entries(given).filter(([key]) => FREE.has(key)));
  return { ...run.config, ...free };
}
