import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { sha256 } from '../core/ids.ts';
import { checkPrompts, importPrompts, modelFolders, resolveModel, resolvePrompts } from './references.ts';
import { openWorkspace, type Workspace } from './workspace.ts';

let dir: string;
let workspace: Workspace;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fourfold-references-'));
  workspace = await openWorkspace(join(dir, 'workspace'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const path = (given: string) => resolve(dir, given);
const file = async (name: string, text: string) => {
  await writeFile(path(name), text);
  return name;
};
const LINES = '{"id":"a","prompt":"x","demonstration":"y"}\n\n{"id":"b","prompt":"x","split":"heldout"}\n';
const card = { parents: [], seed: 0, config: {}, engine: null, round: 1, runId: null, metrics: {} };

describe('prompts', () => {
  test('a file becomes a prompt set once, however often and under whatever name it is used', async () => {
    const first = await resolvePrompts(workspace, await file('p.jsonl', LINES), path);
    expect(first.prompts.map(({ id, split }) => [id, split])).toEqual([
      ['a', 'train'],
      ['b', 'heldout'],
    ]);
    expect(first.artifact.metrics).toEqual({ prompts: 2, heldOut: 1, demonstrations: 1 });
    await file('copy.jsonl', LINES);
    expect((await resolvePrompts(workspace, 'copy.jsonl', path)).artifact).toEqual(first.artifact);
    expect((await resolvePrompts(workspace, first.artifact.id, path)).prompts).toEqual(first.prompts);
    const changed = await importPrompts(workspace, path(await file('p.jsonl', `${LINES}{"id":"c","prompt":"x"}\n`)));
    expect(changed.id).not.toBe(first.artifact.id);
    expect(workspace.artifacts.list('prompt-set')).toHaveLength(2);
  });

  test.each([
    ['{"id":"a","prompt":"x"}\n{"id":"b"\n', /p\.jsonl, line 2: expected JSON/],
    ['{"id":"a","prompt":"x"}\n\n{"id":"b","prompts":"x"}\n', /p\.jsonl, line 3/],
    ['{"id":"a","prompt":"x"}\n\n{"id":"a","prompt":"z"}\n', /id a is on line 1 and again on line 3/],
    ['\n\n', /at least one prompt/],
  ])('%j is refused by line', async (text, message) => {
    const name = await file('p.jsonl', text);
    await expect(resolvePrompts(workspace, name, path)).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringMatching(message),
    });
    expect(workspace.artifacts.list('prompt-set')).toEqual([]);
  });

  test('what is neither file nor id is told as both', async () => {
    await expect(resolvePrompts(workspace, 'none.jsonl', path)).rejects.toMatchObject({
      code: 'not-found',
      message: "Expected a file of prompts or a prompt set's id, got none.jsonl. This workspace has no prompt set yet.",
    });
    await importPrompts(workspace, path(await file('p.jsonl', LINES)));
    await expect(resolvePrompts(workspace, 'prompt-set-7', path)).rejects.toThrow(
      /got prompt-set-7\. Known: prompt-set-1\./,
    );
    await expect(resolvePrompts(workspace, './none.jsonl', path)).rejects.toMatchObject({ code: 'not-found' });
    await expect(resolvePrompts(workspace, '.', path)).rejects.toMatchObject({ code: 'storage-failed' });
  });
});

describe('models', () => {
  test('an id, a folder, and what is neither', async () => {
    await mkdir(path('folder'));
    expect(resolveModel(workspace, 'folder', path)).toEqual({ dir: path('folder'), artifact: null, name: 'folder' });
    expect(resolveModel(workspace, './folder/', path).name).toBe('folder');
    expect(() => resolveModel(workspace, 'sft-1', path)).toThrow('This workspace has no model yet.');
    const model = await workspace.artifacts.create<'model'>(
      { ...card, kind: 'model', role: 'sft' },
      async () => undefined,
    );
    expect(resolveModel(workspace, model.id, path)).toEqual({
      dir: workspace.artifacts.dir(model),
      artifact: model,
      name: 'sft-1',
    });
    expect(() => resolveModel(workspace, 'sft-2', path)).toThrow(/got sft-2\. Known: sft-1\./);
  });

  test('where one kind is asked for, only that kind is taken and told', async () => {
    expect(() => resolveModel(workspace, 'x', path, 'reward-model')).toThrow('This workspace has no reward model yet.');
    const { artifacts } = workspace;
    await artifacts.create<'model'>({ ...card, kind: 'model', role: 'sft' }, async () => undefined);
    await artifacts.create<'reward-model'>({ ...card, kind: 'reward-model' }, async () => undefined);
    expect(() => resolveModel(workspace, 'nope', path, 'model')).toThrow(
      "Expected a language model's id or folder, got nope. Known: sft-1.",
    );
    expect(() => resolveModel(workspace, 'reward-model-1', path, 'model')).toThrow(
      'Expected a language model, but reward-model-1 is a reward model. Known: sft-1.',
    );
    expect(resolveModel(workspace, 'reward-model-1', path, 'reward-model').name).toBe('reward-model-1');
  });

  test('a card keeps where a folder was and what its weights were; an artefact is told by its id', async () => {
    await mkdir(path('base'));
    await file('base/model.safetensors', 'weights');
    const folder = resolveModel(workspace, './base', path);
    const model = await workspace.artifacts.create<'model'>(
      { ...card, kind: 'model', role: 'sft' },
      async () => undefined,
    );
    const artefact = resolveModel(workspace, model.id, path);
    expect(await modelFolders({ model: artefact, reference: null })).toEqual({});
    expect(await modelFolders({ model: artefact, reference: folder })).toEqual({
      modelFolders: { reference: { folder: path('base'), sha256: sha256('weights') } },
    });
  });

  test('prompts are checked without being imported', async () => {
    await checkPrompts(workspace, await file('p.jsonl', LINES), path);
    await expect(checkPrompts(workspace, 'none.jsonl', path)).rejects.toMatchObject({ code: 'not-found' });
    await expect(checkPrompts(workspace, await file('bad.jsonl', '{'), path)).rejects.toMatchObject({
      code: 'bad-input',
    });
    expect(workspace.artifacts.all()).toEqual([]);
  });

  test('a file or another artefact is no model', async () => {
    await file('weights.bin', '');
    expect(() => resolveModel(workspace, 'weights.bin', path)).toThrow("Expected a model's id or folder");
    const { id } = await importPrompts(workspace, path(await file('p.jsonl', LINES)));
    expect(() => resolveModel(workspace, id, path)).toThrow(`${id} is a prompt-set`);
  });
});
