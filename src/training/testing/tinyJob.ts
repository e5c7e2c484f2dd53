// A workspace in a folder of its own and jobs on it, for tests of the trainers.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Progress, type ProgressTask, silentProgress } from '../../core/progress.ts';
import { startEngine } from '../../engine/backend.ts';
import type { Job } from '../../store/job.ts';
import { openWorkspace, type Workspace } from '../../store/workspace.ts';

export interface TinyJob extends Job {
  workspace: Workspace;
  /** A folder for whatever the test needs; relative paths of a job count from here. */
  dir: string;
  /** Lines that the job was told. */
  notes: string[];
  /** The same job, with a signal that aborts as soon as the progress bar reaches `done`; 0: from the beginning. */
  stoppingAt(done: number): Job;
  remove(): Promise<void>;
}

function progressThatStops(done: number, controller: AbortController): Progress {
  const task: ProgressTask = {
    update: (now) => {
      if (now >= done) controller.abort();
    },
    finish: () => undefined,
  };
  return { ...silentProgress, start: () => task };
}

/** Starts the wasm back end and makes an empty workspace. */
export async function makeTinyJob(): Promise<TinyJob> {
  const { backend } = await startEngine({ backend: 'wasm' });
  const dir = await mkdtemp(join(tmpdir(), 'fourfold-job-'));
  const notes: string[] = [];
  const job: Job = {
    workspace: await openWorkspace(join(dir, 'workspace')),
    engine: backend,
    progress: silentProgress,
    signal: new AbortController().signal,
    note: (line) => void notes.push(line),
    path: (given) => resolve(dir, given),
  };
  return {
    ...job,
    dir,
    notes,
    stoppingAt(done) {
      const controller = new AbortController();
      if (done === 0) controller.abort();
      return { ...job, signal: controller.signal, progress: progressThatStops(done, controller) };
    },
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}
