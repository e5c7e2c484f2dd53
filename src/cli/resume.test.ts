import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { openWorkspace } from '../store/workspace.ts';
import { withResumedRun } from './resume.ts';

let workspaceDir: string;
let id: string;
beforeEach(async () => {
  workspaceDir = join(await mkdtemp(join(tmpdir(), 'fourfold-resume-')), 'ws');
  const workspace = await openWorkspace(workspaceDir);
  const config = { model: 'base-1', epochs: 3, keepAtSteps: [1, 2], backend: 'auto', schedule: 'cosine' };
  id = (await workspace.runs.create('sft', config)).id;
});
afterEach(() => rm(join(workspaceDir, '..'), { recursive: true, force: true }));

const from = (folder: string) => (given: string) => resolve('/', folder, given);
const resumed = (given: Record<string, unknown>, command = 'sft') =>
  withResumedRun(given, { command, workspaceDir, path: from('here') });

test('without --resume the options stay as given, and no workspace is made', async () => {
  const given = { model: 'x' };
  expect(await withResumedRun(given, { command: 'sft', workspaceDir: join(workspaceDir, 'none'), path: resolve })).toBe(
    given,
  );
});

test("the run's own configuration stands", async () => {
  expect(await resumed({ resume: id })).toEqual({
    ...{ model: 'base-1', epochs: 3, keepAtSteps: [1, 2], backend: 'auto', schedule: 'cosine' },
    resume: id,
  });
});

test('an option that says the same may be repeated, and the back end may change', async () => {
  expect(await resumed({ resume: id, epochs: 3, keepAtSteps: [1, 2], backend: 'cpu' })).toMatchObject({
    epochs: 3,
    backend: 'cpu',
  });
});

test.each([
  [{ epochs: 4 }, /--epochs is 4, but sft-run-1 was started with 3\./],
  [{ keepAtSteps: [2, 1] }, /--keep-at-steps is \[2,1\]/],
  [{ maxLength: 9 }, /--max-length is 9, but sft-run-1 was started with undefined/],
])('an option that differs is refused by name: %j', async (change, message) => {
  await expect(resumed({ resume: id, ...change })).rejects.toMatchObject({
    code: 'bad-option',
    message: expect.stringMatching(message),
  });
});

test("an unknown run and another command's run are refused", async () => {
  await expect(resumed({ resume: 'sft-run-9' })).rejects.toMatchObject({
    code: 'not-found',
    message: expect.stringContaining('Known: sft-run-1'),
  });
  await expect(resumed({ resume: '../sft-run-1' })).rejects.toMatchObject({ code: 'not-found' });
  await expect(resumed({ resume: id }, 'ppo')).rejects.toMatchObject({
    code: 'bad-option',
    message: '--resume: expected a run of ppo, but sft-run-1 is a run of sft.',
  });
});

test('a path is the same from the folder it was given in, and another from elsewhere', async () => {
  const workspace = await openWorkspace(workspaceDir);
  const stored = { model: '/here/base', prompts: '/here/data/p.jsonl' };
  const run = await workspace.runs.create('sft', stored);
  const resume = (folder: string, given: Record<string, unknown>) =>
    withResumedRun({ ...given, resume: run.id }, { command: 'sft', workspaceDir, path: from(folder) });
  // The run's own absolute paths stand, so that it goes on from any folder.
  expect(await resume('here', { model: './base', prompts: 'data/p.jsonl' })).toEqual({ ...stored, resume: run.id });
  expect(await resume('elsewhere', {})).toEqual({ ...stored, resume: run.id });
  await expect(resume('elsewhere', { model: './base' })).rejects.toMatchObject({
    code: 'bad-option',
    message: expect.stringContaining('--model is "./base", but'),
  });
});
