import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentProgress } from '../core/progress.ts';
import type { HubEnvironment } from './environment.ts';
import { type PushOptions, pushFolder } from './push.ts';
import { type FakeHub, startFakeHub } from './testing/fakeHub.ts';

const LARGE = Buffer.alloc(50_000, 3);
let hub: FakeHub;
let dir: string;
beforeEach(async () => {
  hub = await startFakeHub();
  dir = await mkdtemp(join(tmpdir(), 'fourfold-push-'));
  await writeFile(join(dir, 'config.json'), '{"a":1}');
  await writeFile(join(dir, 'model.safetensors'), LARGE);
  await mkdir(join(dir, 'additional_chat_templates'));
  await writeFile(join(dir, 'additional_chat_templates', 'x.jinja'), 'x');
});
afterEach(async () => {
  await hub.close();
  await rm(dir, { recursive: true, force: true });
});

const push = (change: Partial<HubEnvironment> = {}, more: Partial<PushOptions> = {}) =>
  pushFolder({
    hub: { endpoint: hub.url, cacheDir: dir, token: hub.token, isOffline: false, ...change },
    name: { repository: 'me/mine', revision: 'main' },
    dir,
    title: 'Add policy-1',
    isPrivate: true,
    progress: silentProgress,
    ...more,
  });

test('makes the repository, private where asked, and sends every file; large ones by git-lfs', async () => {
  const { url, commit } = await push();
  const made = hub.repositories.get('me/mine');
  expect(url).toBe(`${hub.url}/me/mine`);
  expect(made).toMatchObject({ commit, access: 'private' });
  expect([...(made?.files.keys() ?? [])].sort()).toEqual([
    'additional_chat_templates/x.jinja',
    'config.json',
    'model.safetensors',
  ]);
  expect(Buffer.from(made?.files.get('model.safetensors') ?? [])).toEqual(LARGE);
  expect(String(made?.files.get('config.json'))).toBe('{"a":1}');
  const upload = hub.requests.find(({ method }) => method === 'PUT');
  expect(upload?.authorization).toBeUndefined();
});

test('a repository that is there gets another commit', async () => {
  const first = await push();
  await writeFile(join(dir, 'config.json'), '{"a":2}');
  expect((await push()).commit).not.toBe(first.commit);
  expect(String(hub.repositories.get('me/mine')?.files.get('config.json'))).toBe('{"a":2}');
});

test('without a token, with a wrong one, and offline nothing is sent', async () => {
  await expect(push({ token: null })).rejects.toMatchObject({
    code: 'not-allowed',
    message: expect.stringContaining('HF_TOKEN'),
  });
  await expect(push({ token: 'sk-other' })).rejects.toMatchObject({ code: 'not-allowed' });
  await expect(push({ isOffline: true })).rejects.toMatchObject({ code: 'bad-option' });
  expect(hub.requests).toEqual([]);
  await expect(push({ token: 'hf_wrong' })).rejects.toMatchObject({ code: 'not-allowed' });
  expect(hub.repositories.size).toBe(0);
});

test('a hub that fails is named', async () => {
  hub.failWith = 500;
  await expect(push()).rejects.toMatchObject({ code: 'server-failed', message: expect.stringContaining('500') });
});
