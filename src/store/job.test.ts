import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { asStorageError, FourfoldError } from '../core/errors.ts';
import { silentProgress } from '../core/progress.ts';
import { errorOfRun, type Job, openRun } from './job.ts';
import { openWorkspace } from './workspace.ts';

let dir: string;
let job: Job;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fourfold-job-'));
  job = {
    workspace: await openWorkspace(join(dir, 'ws')),
    engine: 'cpu',
    progress: silentProgress,
    signal: new AbortController().signal,
    note: () => undefined,
    path: (given) => resolve(dir, given),
  };
});
afterAll(() => rm(dir, { recursive: true, force: true }));

test('a new run keeps paths absolute and ids as they are', async () => {
  const config = { model: './base', prompts: 'prompt-set-1', seed: 3 };
  const run = await openRun(job, 'sft', { ...config, resume: undefined });
  const stored = { model: join(dir, 'base'), prompts: 'prompt-set-1', seed: 3 };
  expect((await job.workspace.runs.open(run.id)).config).toEqual(stored);
  expect((await openRun(job, 'sft', { resume: run.id })).config).toEqual(stored);
});

test('a full disk names the run and how it goes on; other errors are as they were', async () => {
  const run = await openRun(job, 'sft', {});
  const told = (code: string) =>
    errorOfRun(asStorageError(Object.assign(new Error(code), { code }), '/w/x', 'write'), run);
  expect(told('ENOSPC')).toMatchObject({
    code: 'storage-failed',
    message: `Could not write /w/x: the disk is full; free some space and go on with --resume ${run.id} (ENOSPC).`,
  });
  expect(told('EACCES')).toMatchObject({
    message: expect.stringMatching(new RegExp(`Then go on with --resume ${run.id}\\.$`)),
  });
  const other = new FourfoldError('bad-input', 'x');
  expect(errorOfRun(other, run)).toBe(other);
  expect(errorOfRun(told('ENOSPC'), null)).toMatchObject({ code: 'storage-failed' });
});
