import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hubEnvironment } from './environment.ts';
import { parseHubName } from './hubName.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'fourfold-home-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

test('the cache is where the variables say, the narrower one first', async () => {
  const cacheOf = async (env: Record<string, string>) => (await hubEnvironment(env)).cacheDir;
  expect(await cacheOf({ HF_HOME: '/h' })).toBe('/h/hub');
  expect(await cacheOf({ HF_HOME: '/h', HF_HUB_CACHE: '/c' })).toBe('/c');
  expect(await cacheOf({ XDG_CACHE_HOME: '/x' })).toBe('/x/huggingface/hub');
});

test('the token comes from the variable, else from the file, unless that is forbidden', async () => {
  await writeFile(join(home, 'token'), 'hf_fromFile\n');
  expect((await hubEnvironment({ HF_HOME: home })).token).toBe('hf_fromFile');
  expect((await hubEnvironment({ HF_HOME: home, HF_TOKEN: 'hf_given' })).token).toBe('hf_given');
  expect((await hubEnvironment({ HF_HOME: home, HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' })).token).toBeNull();
  expect((await hubEnvironment({ HF_HOME: join(home, 'none') })).token).toBeNull();
});

test('endpoint and offline', async () => {
  expect(await hubEnvironment({ HF_HOME: home })).toMatchObject({
    endpoint: 'https://huggingface.co',
    isOffline: false,
  });
  expect(
    await hubEnvironment({ HF_HOME: home, HF_ENDPOINT: 'https://mirror.example/', HF_HUB_OFFLINE: '1' }),
  ).toMatchObject({
    endpoint: 'https://mirror.example',
    isOffline: true,
  });
  await expect(hubEnvironment({ HF_ENDPOINT: 'file:///etc' })).rejects.toThrow(/HF_ENDPOINT/);
});

test.each([
  ['owner/name', { repository: 'owner/name', revision: 'main' }],
  ['owner/name@v1.0', { repository: 'owner/name', revision: 'v1.0' }],
  ['owner/name@refs/pr/1', { repository: 'owner/name', revision: 'refs/pr/1' }],
  ['name', null],
  ['a/b/c', null],
  ['./a/b', null],
  ['/a/b', null],
  ['../b', null],
  ['owner/na..me', null],
  ['owner/name@../x', null],
])('%s', (text, expected) => {
  expect(parseHubName(text)).toEqual(expected);
});
