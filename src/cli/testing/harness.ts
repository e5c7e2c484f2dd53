// Runs the command line in process, on a folder of its own, for tests.
import { EventEmitter } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { TableEntry } from '../commandTable.ts';
import { runCli } from '../runCli.ts';

export interface Outcome {
  status: number;
  stdout: string;
  stderr: string;
}

/** Stands for the process: emits signals, remembers the status with which it was told to exit. */
export class FakeProcess extends EventEmitter {
  exitStatus: number | null = null;
  exit(status: number): void {
    this.exitStatus = status;
  }
}

export interface RunOptions {
  env?: Record<string, string>;
  table?: TableEntry[];
  process?: FakeProcess;
  /** What comes on standard input. */
  input?: string;
  /** Called with what goes to standard output, as it comes. */
  onOutput?: (text: string) => void;
}

export interface Harness {
  /** The folder in which commands start; the default workspace is in it. */
  cwd: string;
  /** Runs one command line; `table` replaces the bundled commands. */
  run(argv: string[], options?: RunOptions): Promise<Outcome>;
  remove(): Promise<void>;
}

export async function makeHarness(): Promise<Harness> {
  const cwd = await mkdtemp(join(tmpdir(), 'fourfold-cli-'));
  return {
    cwd,
    async run(argv, { env = {}, table, process: interrupts = new FakeProcess(), input = '', onOutput } = {}) {
      const written = { stdout: '', stderr: '' };
      const streamTo = (name: 'stdout' | 'stderr') => ({
        write: (text: string) => {
          written[name] += text;
          if (name === 'stdout') onOutput?.(text);
        },
      });
      const stdin = Readable.from([input]);
      const io = { stdin, stdout: streamTo('stdout'), stderr: streamTo('stderr'), env, cwd, interrupts };
      const status = await runCli(argv, table === undefined ? io : { ...io, table });
      return { status, ...written };
    },
    remove: () => rm(cwd, { recursive: true, force: true }),
  };
}
