// What every trainer's entry is given by its caller: the command line, the demo, a test.
import type { Progress } from '../core/progress.ts';
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

/** The run to go on with, or a new one that keeps the configuration. */
export async function openRun(
  workspace: Workspace,
  command: string,
  config: { resume?: string | undefined },
): Promise<Run> {
  if (config.resume !== undefined) return workspace.runs.open(config.resume);
  return workspace.runs.create(command, { ...config });
}
