import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { isSameOption, withAbsolutePaths } from './paths.ts';
import { openWorkspace, type Workspace } from './workspace.ts';

let dir: string;
let workspace: Workspace;
const path = (given: string) => resolve(dir, given);
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fourfold-paths-'));
  workspace = await openWorkspace(join(dir, 'ws'));
  const base = { parents: [], seed: 0, config: {}, engine: null, round: 1, runId: null, metrics: {} };
  await workspace.artifacts.create<'model'>({ ...base, kind: 'model', role: 'sft' }, async () => undefined);
  await mkdir(path('sft-1'));
  await mkdir(path('folder'));
  await writeFile(path('prompts.jsonl'), '');
});
afterAll(() => rm(dir, { recursive: true, force: true }));

test.each([
  ['an id stays, though a folder has its name', { model: 'sft-1' }, { model: 'sft-1' }],
  ['a folder is made absolute', { model: 'folder' }, () => ({ model: path('folder') })],
  ['one above too', { reference: '../x' }, () => ({ reference: path('../x') })],
  ['each of several', { models: ['sft-1', './folder'] }, () => ({ models: ['sft-1', path('folder')] })],
  ['an id of prompts', { prompts: 'prompt-set-1' }, { prompts: 'prompt-set-1' }],
  ['a file of prompts', { prompts: 'prompts.jsonl' }, () => ({ prompts: path('prompts.jsonl') })],
  ['texts are paths always', { texts: ['a', 'b.txt'] }, () => ({ texts: [path('a'), path('b.txt')] })],
  ['nothing else is touched', { split: 'folder', model: undefined }, { split: 'folder', model: undefined }],
])('%s', (_name, options, expected) => {
  expect(withAbsolutePaths(workspace, options, path)).toEqual(typeof expected === 'function' ? expected() : expected);
});

test('a given option is the stored one where it names the same place from here', () => {
  const same = (key: string, stored: unknown, given: unknown) => isSameOption(key, stored, given, path);
  expect(same('model', path('folder'), './folder')).toBe(true);
  expect(same('model', 'sft-1', 'sft-1')).toBe(true);
  expect(same('models', ['sft-1', path('folder')], ['sft-1', 'folder'])).toBe(true);
  expect(same('models', ['sft-1', path('folder')], ['folder', 'sft-1'])).toBe(false);
  expect(same('prompts', '/elsewhere/prompts.jsonl', 'prompts.jsonl')).toBe(false);
  expect(same('split', path('train'), 'train')).toBe(false);
  expect(same('epochs', 3, 3)).toBe(true);
});
