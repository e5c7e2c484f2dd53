// Runs another program to its end: its output, or an error with its last lines. Stopped, with all that it has started, by a
// signal, or when this process ends.
import { spawn } from 'node:child_process';
import { FourfoldError } from '../../core/errors.ts';

export interface RunOptions {
  env: Readonly<Record<string, string | undefined>>;
  signal?: AbortSignal | undefined;
  cwd?: string;
}

export interface Finished {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Lines kept of what a program says when it fails. */
const TAIL = 12;

/**
 * Runs a program and waits for it.
 * @throws interrupted where the signal is aborted; not-found where there is no such program
 */
export function runProgram(command: string, args: ReadonlyArray<string>, options: RunOptions): Promise<Finished> {
  const { env, signal, cwd } = options;
  return new Promise((resolve, reject) => {
    const stopped = (): FourfoldError => new FourfoldError('interrupted', 'Stopped.');
    if (signal?.aborted === true) return reject(stopped());
    const child = spawn(command, args, {
      // A group of its own, so that what it has started can be stopped with it.
      ...{ env: env as NodeJS.ProcessEnv, stdio: ['ignore', 'pipe', 'pipe'], detached: true },
      ...(cwd === undefined ? {} : { cwd }),
    });
    const stop = (): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
      } catch {
        // ended already
      }
    };
    const settle = (): void => {
      signal?.removeEventListener('abort', stop);
      process.removeListener('exit', stop);
    };
    process.once('exit', stop);
    signal?.addEventListener('abort', stop, { once: true });
    const written = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.setEncoding('utf8').on('data', (text: string) => {
        written[name] += text;
      });
    }
    child.once('error', (cause) => {
      settle();
      reject(new FourfoldError('not-found', `Could not start ${command}: ${cause.message}.`, { cause }));
    });
    child.once('close', (status) => {
      settle();
      if (signal?.aborted === true) reject(stopped());
      else resolve({ status, ...written });
    });
  });
}

/** The last lines of what a program wrote, for an error message. */
export function tailOf({ stdout, stderr }: Finished): string {
  const text = stderr.trim() === '' ? stdout : stderr;
  return text.trim().split('\n').slice(-TAIL).join('\n');
}
