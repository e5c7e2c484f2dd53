import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256 } from '../core/ids.ts';
import type { ArtifactDraft } from './artifacts.ts';
import { openWorkspace, type Workspace } from './workspace.ts';

let dir: string;
let workspace: Workspace;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fourfold-artifacts-'));
  workspace = await openWorkspace(dir);
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const base = { parents: [], seed: 1, config: {}, engine: null, round: 1, runId: null, metrics: {} };
const draft: Extract<ArtifactDraft, { kind: 'prompt-set' }> = { ...base, kind: 'prompt-set' };
const nothing = async () => undefined;
const create = (write: (dir: string) => Promise<void> = nothing) =>
  workspace.artifacts.create<'prompt-set'>(draft, write);

test('an artefact carries the hash of each file, by path with slashes, in order', async () => {
  const artifact = await create(async (into) => {
    await mkdir(join(into, 'part'));
    await writeFile(join(into, 'z.txt'), 'z');
    await writeFile(join(into, 'part', 'a.txt'), 'a');
  });
  expect(Object.entries(artifact.files)).toEqual([
    ['part/a.txt', sha256('a')],
    ['z.txt', sha256('z')],
  ]);
  expect(await readdir(workspace.artifacts.dir(artifact))).toEqual(['part', 'z.txt']);
  // A second opening of the folder sees it.
  expect((await openWorkspace(dir)).artifacts.get(artifact.id)).toEqual(artifact);
});

test('artefacts made at the same time, through one opening or two, get ids of their own', async () => {
  const other = await openWorkspace(dir);
  const made = await Promise.all(
    Array.from({ length: 8 }, (_, i) =>
      (i % 2 === 0 ? workspace : other).artifacts.create<'prompt-set'>(draft, (into) =>
        writeFile(join(into, 'who.txt'), String(i)),
      ),
    ),
  );
  expect(new Set(made.map((artifact) => artifact.id)).size).toBe(8);
  // Each folder holds what its own maker wrote: '0' to '7'.
  expect(made.map((artifact) => artifact.files['who.txt'])).toEqual(made.map((_, i) => sha256(String(i))));
  expect(workspace.artifacts.all()).toHaveLength(8);
});

test('a maker that fails leaves neither folder nor card', async () => {
  const failing = create(async (into) => {
    await writeFile(join(into, 'half.txt'), 'half');
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  expect(await readdir(join(dir, 'artifacts', 'prompt-set'))).toEqual([]);
  expect(workspace.artifacts.all()).toEqual([]);
});

test('an index that cannot be written leaves neither folder nor card', async () => {
  // A folder in the index's place stands for a disk that takes no more.
  await create();
  const blocked = create(async () => {
    await rm(join(dir, 'db.json'));
    await mkdir(join(dir, 'db.json', 'in-the-way'), { recursive: true });
  });
  await expect(blocked).rejects.toMatchObject({ code: 'storage-failed' });
  expect(await readdir(join(dir, 'artifacts', 'prompt-set'))).toEqual(['prompt-set-1']);
});

test('what a crash left half made is neither listed nor overwritten', async () => {
  await mkdir(join(dir, 'artifacts', 'prompt-set', 'prompt-set-1.partial'), { recursive: true });
  // Renamed, but the card was never written.
  await mkdir(join(dir, 'artifacts', 'prompt-set', 'prompt-set-2'));
  expect(workspace.artifacts.all()).toEqual([]);
  expect((await create()).id).toBe('prompt-set-3');
});

test('a wrong kind and an unknown id are told apart', async () => {
  await create();
  expect(() => workspace.artifacts.require('prompt-set-1', 'model')).toThrow('prompt-set-1 is a prompt-set');
  expect(() => workspace.artifacts.require('prompt-set-2', 'prompt-set')).toThrow('Known: prompt-set-1');
  expect(() => workspace.artifacts.require('sft-1', 'model')).toThrow('no model yet');
});

test('lineage gives each ancestor once, nearest first', async () => {
  const { artifacts } = workspace;
  const prompts = await create();
  const model = (parents: (typeof prompts.id)[], role: 'base' | 'sft' | 'policy') =>
    artifacts.create<'model'>({ ...base, kind: 'model', role, parents }, nothing);
  const grand = await model([], 'base');
  const sft = await model([grand.id, prompts.id], 'sft');
  const policy = await model([sft.id, grand.id, prompts.id], 'policy');
  const ids = artifacts.lineage(policy.id).map((artifact) => artifact.id);
  expect(ids).toEqual([policy.id, sft.id, grand.id, prompts.id]);
  expect(artifacts.latest('model')?.id).toBe(policy.id);
});
