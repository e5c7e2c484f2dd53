// From a command's context to a trainer's job: the engine started, the workspace open.
import type { BackendName } from '../core/backendName.ts';
import type { Job } from '../store/job.ts';
import type { CommandContext } from './command.ts';

export async function startJob(
  context: CommandContext,
  { backend, threads }: { backend: BackendName; threads: number },
): Promise<Job> {
  const { startEngine } = await import('../engine/backend.ts');
  const engine = await startEngine({ backend, threads, note: context.note });
  return {
    workspace: await context.workspace(),
    engine: engine.backend,
    progress: context.progress,
    signal: context.signal,
    note: context.note,
    path: context.path,
  };
}
