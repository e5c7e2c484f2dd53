// What every trainer's entry is given by its caller: the command line, the demo, a test; and the run that it works in.
import { FourfoldError } from '../core/errors.ts';
import type { Progress } from '../core/progress.ts';
import { withAbsolutePaths } from './paths.ts';
import type { Run } from './runs.ts';
import type { Workspace } from './workspace.ts';

export interface Job {
  workspace: Workspace;
  /** The back end that was started. */
  engine: string;
  progress: Progress;
  signal: AbortSignal;
  note(line: string): void;
  /** Absolute path of a path that the user gave. */
  path(given: string): string;
}

/** The run to go on with, or a new one that keeps the configuration, its paths absolute. */
export async function openRun(
  { workspace, path }: Job,
  command: string,
  config: { resume?: string | undefined },
): Promise<Run> {
  if (config.resume !== undefined) return workspace.runs.open(config.resume);
  return workspace.runs.create(command, withAbsolutePaths(workspace, { ...config }, path));
}

const AGAIN = 'run the same command again';

/** A full disk ends a run, but not for good: its error says how the run goes on. Other errors come back as they are. */
export function errorOfRun(error: unknown, run: Run | null): unknown {
  if (run === null || !(error instanceof FourfoldError) || error.code !== 'storage-failed') return error;
  const way = `go on with --resume ${run.id}`;
  const { message } = error;
  const text = message.includes(AGAIN) ? message.replace(AGAIN, way) : `${message} Then ${way}.`;
  return new FourfoldError(error.code, text, { cause: error });
}
