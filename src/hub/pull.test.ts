import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scanCacheDir } from '@huggingface/hub';
import { silentProgress } from '../core/progress.ts';
import type { HubEnvironment } from './environment.ts';
import { type HubName, parseHubName } from './hubName.ts';
import { type PullOptions, pullModel } from './pull.ts';
import { type FakeHub, type FakeRepository, startFakeHub } from './testing/fakeHub.ts';

const COMMIT = 'a'.repeat(40);
const LARGE = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 31) % 251));
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

let hub: FakeHub;
let dir: string;
let repository: FakeRepository;
let notes: string[];

beforeEach(async () => {
  hub = await startFakeHub();
  dir = await mkdtemp(join(tmpdir(), 'fourfold-hub-'));
  notes = [];
  repository = {
    commit: COMMIT,
    refs: ['main', 'v1.0'],
    files: new Map<string, Uint8Array>([
      ['config.json', Buffer.from('{}')],
      ['tokenizer.json', Buffer.alloc(5000, 'x')],
      ['model.safetensors', LARGE],
      ['pytorch_model.bin', LARGE],
      ['onnx/model.onnx', LARGE],
      ['additional_chat_templates/tool.jinja', Buffer.from('{{ 1 }}')],
      ['README.md', Buffer.from('---\nlicense: mit\n---\n')],
    ]),
  };
  hub.repositories.set('owner/name', repository);
});
afterEach(async () => {
  await hub.close();
  await rm(dir, { recursive: true, force: true });
});

const environment = (change: Partial<HubEnvironment> = {}): HubEnvironment => ({
  endpoint: hub.url,
  cacheDir: dir,
  token: null,
  isOffline: false,
  ...change,
});
const pull = (text = 'owner/name', change: Partial<HubEnvironment> = {}, more: Partial<PullOptions> = {}) =>
  pullModel({
    hub: environment(change),
    name: parseHubName(text) as HubName,
    progress: silentProgress,
    note: (line) => notes.push(line),
    retryMs: 1,
    ...more,
  });
const filesAsked = () =>
  hub.requests.filter(({ url }) => url.includes('/resolve/')).map(({ url }) => url.split('/resolve/')[1]);

test('fetches what a model needs and nothing else, into the layout that the hub’s own tools read', async () => {
  const { dir: snapshot, commit } = await pull();
  expect(commit).toBe(COMMIT);
  expect(snapshot).toBe(join(dir, 'models--owner--name', 'snapshots', COMMIT));
  expect((await readdir(snapshot)).sort()).toEqual(
    ['README.md', 'additional_chat_templates', 'config.json', 'model.safetensors', 'tokenizer.json'].sort(),
  );
  expect(await readFile(join(snapshot, 'model.safetensors'))).toEqual(LARGE);
  expect(await readlink(join(snapshot, 'model.safetensors'))).toBe(`../../blobs/${sha256(LARGE)}`);
  expect(await readFile(join(snapshot, 'additional_chat_templates', 'tool.jinja'), 'utf8')).toBe('{{ 1 }}');
  expect(await readFile(join(dir, 'models--owner--name', 'refs', 'main'), 'utf8')).toBe(COMMIT);
  const { repos, warnings } = await scanCacheDir(dir);
  expect(warnings).toEqual([]);
  expect(repos[0]).toMatchObject({ id: { name: 'owner/name', type: 'model' }, filesCount: 4 });
});

test('what is there is not fetched again; a tag of the same commit costs no file', async () => {
  await pull();
  hub.requests.length = 0;
  expect((await pull()).commit).toBe(COMMIT);
  expect((await pull('owner/name@v1.0')).commit).toBe(COMMIT);
  expect(filesAsked()).toEqual([]);
  expect(await readFile(join(dir, 'models--owner--name', 'refs', 'v1.0'), 'utf8')).toBe(COMMIT);
});

test('a lost connection is taken up again where it broke', async () => {
  let cuts = 0;
  hub.cutAfter = (path) => (path === 'model.safetensors' && cuts++ < 2 ? 30_000 : null);
  const { dir: snapshot } = await pull();
  expect(await readFile(join(snapshot, 'model.safetensors'))).toEqual(LARGE);
  const ranges = hub.requests.filter(({ url }) => url.includes(sha256(LARGE))).map(({ range }) => range);
  expect(ranges).toEqual([undefined, 'bytes=30000-', 'bytes=60000-']);
});

test('a partial file of an earlier run is gone on with; a changed one is found out and fetched anew', async () => {
  const blobs = join(dir, 'models--owner--name', 'blobs');
  await mkdir(blobs, { recursive: true });
  const partial = join(blobs, `${sha256(LARGE)}.incomplete`);
  await writeFile(partial, LARGE.subarray(0, 70_000));
  await writeFile(`${partial.replace('.incomplete', '')}.lock`, '999999999');
  await pull();
  const ranges = () => hub.requests.filter(({ url }) => url.includes(sha256(LARGE))).map(({ range }) => range);
  expect(ranges()).toEqual(['bytes=70000-']);

  await rm(join(dir, 'models--owner--name'), { recursive: true });
  await mkdir(blobs, { recursive: true });
  await writeFile(partial, Buffer.alloc(70_000, 1));
  hub.requests.length = 0;
  const { dir: snapshot } = await pull();
  expect(ranges()).toEqual(['bytes=70000-', undefined]);
  expect(await readFile(join(snapshot, 'model.safetensors'))).toEqual(LARGE);
});

test.each([
  ['a large file', 'model.safetensors'],
  ['a small file', 'config.json'],
])('a wrong checksum of %s is refused, and nothing of it stays', async (_what, changed) => {
  hub.tamper = (path, bytes) => (path === changed ? Buffer.alloc(bytes.byteLength, 7) : bytes);
  await expect(pull()).rejects.toMatchObject({
    code: 'server-failed',
    message: expect.stringContaining(`${changed} came twice with a wrong checksum`),
  });
  const left = await readdir(join(dir, 'models--owner--name', 'blobs'));
  expect(left.filter((name) => name.endsWith('.incomplete') || name.endsWith('.lock'))).toEqual([]);
  await expect(pull('owner/name', { isOffline: true })).rejects.toMatchObject({ code: 'not-found' });
});

test('shards that the index names, and no others', async () => {
  repository.files.delete('model.safetensors');
  const index = { weight_map: { a: 'model-1-of-2.safetensors', b: 'model-2-of-2.safetensors' } };
  repository.files.set('model.safetensors.index.json', Buffer.from(JSON.stringify(index)));
  repository.files.set('model-1-of-2.safetensors', LARGE);
  await expect(pull()).rejects.toThrow(/names model-2-of-2.safetensors, which the repository does not have/);
  repository.files.set('model-2-of-2.safetensors', LARGE.subarray(1));
  repository.files.set('other.safetensors', LARGE.subarray(2));
  expect(await readdir((await pull()).dir)).toEqual(
    expect.arrayContaining(['model-1-of-2.safetensors', 'model-2-of-2.safetensors', 'model.safetensors.index.json']),
  );
  expect(filesAsked()).not.toContain(`${COMMIT}/other.safetensors`);
});

test('an index that names a path outside is refused', async () => {
  repository.files.delete('model.safetensors');
  const index = { weight_map: { a: '../../../etc/passwd' } };
  repository.files.set('model.safetensors.index.json', Buffer.from(JSON.stringify(index)));
  await expect(pull()).rejects.toMatchObject({
    code: 'bad-model',
    message: expect.stringContaining('../../../etc/passwd'),
  });
});

test('pickled weights alone are refused by name', async () => {
  repository.files.delete('model.safetensors');
  await expect(pull()).rejects.toMatchObject({
    code: 'unsupported',
    message: expect.stringMatching(/pytorch_model\.bin.*never read/s),
  });
});

test('a tokenizer alone leaves the weights where they are', async () => {
  const { dir: snapshot } = await pull('owner/name', {}, { wanted: 'tokenizer' });
  expect((await readdir(snapshot)).sort()).toEqual(['additional_chat_templates', 'tokenizer.json']);
});

describe('refusals say what to do', () => {
  test.each([
    ['a private one without a token', 'private', null, 'not-allowed', /set HF_TOKEN/],
    ['a private one with a wrong token', 'private', 'hf_wrong', 'not-allowed', /refused the token/],
    ['a gated one', 'gated', 'hf_secretForTests', 'not-allowed', /Ask for access/],
  ] as const)('%s', async (_name, access, token, code, message) => {
    repository.access = access;
    await expect(pull('owner/name', { token })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  test('a missing repository and a missing revision', async () => {
    await expect(pull('owner/none', { token: hub.token })).rejects.toMatchObject({ code: 'not-found' });
    await expect(pull('owner/name@v9')).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('owner/name has no revision v9'),
    });
  });

  test('a hub that fails', async () => {
    hub.failWith = 503;
    await expect(pull()).rejects.toMatchObject({ code: 'server-failed', message: expect.stringContaining('503') });
  });
});

test('the token goes to the hub, not to the storage it redirects to, and into no file', async () => {
  repository.access = 'private';
  await pull('owner/name', { token: hub.token });
  const blob = hub.requests.filter(({ url }) => url === `/${sha256(LARGE)}`);
  expect(blob).toHaveLength(1);
  expect(blob[0]?.authorization).toBeUndefined();
  const ours = hub.requests.filter(({ url }) => url.includes('/resolve/'));
  expect(ours.every(({ authorization }) => authorization === `Bearer ${hub.token}`)).toBe(true);
  for (const name of await readdir(dir, { recursive: true })) {
    const text = await readFile(join(dir, name), 'utf8').catch(() => '');
    expect(text).not.toContain(hub.token);
  }
});

test('offline asks the cache alone', async () => {
  await expect(pull('owner/name', { isOffline: true })).rejects.toThrow(/HF_HUB_OFFLINE forbids/);
  await pull();
  hub.requests.length = 0;
  expect((await pull('owner/name', { isOffline: true })).commit).toBe(COMMIT);
  expect((await pull(`owner/name@${COMMIT}`, { isOffline: true })).commit).toBe(COMMIT);
  expect(hub.requests).toEqual([]);
});

test('a hub that cannot be reached: the cache with a note, or an error that says so', async () => {
  await pull();
  const stopped = await startFakeHub();
  const gone = { endpoint: stopped.url };
  await stopped.close();
  expect((await pull('owner/name', gone)).commit).toBe(COMMIT);
  expect(notes).toEqual([expect.stringContaining('comes from the cache')]);
  await expect(pull('owner/other', gone)).rejects.toMatchObject({
    code: 'server-failed',
    message: expect.stringContaining(`Could not reach ${gone.endpoint}`),
  });
});

test('stopped in the middle, it says that it can go on, and does', async () => {
  const stop = new AbortController();
  hub.cutAfter = (path) => {
    if (path !== 'model.safetensors') return null;
    setTimeout(() => stop.abort(), 5);
    return 50_000;
  };
  await expect(pull('owner/name', {}, { signal: stop.signal, retryMs: 50 })).rejects.toMatchObject({
    code: 'interrupted',
  });
  hub.cutAfter = () => null;
  hub.requests.length = 0;
  await pull();
  expect(hub.requests.find(({ url }) => url.includes(sha256(LARGE)))?.range).toBe('bytes=50000-');
});
