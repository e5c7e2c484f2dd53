import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Harness, makeHarness } from '../testing/harness.ts';

let harness: Harness;
let env: Record<string, string>;

beforeEach(async () => {
  harness = await makeHarness();
  env = { PATH: join(harness.cwd, 'bin'), HOME: harness.cwd, FOURFOLD_HOME: join(harness.cwd, 'home') };
});
afterEach(() => harness.remove());

test('engine install says what is missing, all of it', async () => {
  const { status, stderr } = await harness.run(['engine', 'install', 'tensorflow'], { env });
  expect(status).toBe(2);
  for (const part of ['Python 3', 'C++ compiler', 'npm', 'Nothing was downloaded']) expect(stderr).toContain(part);
});

test('engine install of a folder without the library names what it lacks', async () => {
  mkdirSync(join(harness.cwd, 'library'));
  const line = ['engine', 'install', 'tensorflow', '--libtensorflow', 'library'];
  const { status, stderr } = await harness.run(line, { env });
  expect(status).toBe(2);
  expect(stderr).toMatch(/library and headers in .*library; there is no library .* and no C headers/);
});

test('options about the download are refused where nothing is downloaded', async () => {
  const line = ['engine', 'install', 'tensorflow', '--libtensorflow', 'library', '--cuda'];
  const { status, stderr } = await harness.run(line, { env });
  expect(status).toBe(2);
  expect(stderr).toContain('--cuda is about the download');
});

test('engine remove says what it removed, or that there is nothing', async () => {
  expect((await harness.run(['engine', 'remove', 'tensorflow'], { env })).stdout).toContain('Nothing is installed');
  const folder = join(harness.cwd, 'home', 'engine', 'tensorflow');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'installation.json'), '{}');
  const { stdout } = await harness.run(['engine', 'remove', 'tensorflow', '--json'], { env });
  expect(JSON.parse(stdout)).toEqual({ folder, removed: true });
});

test('engine verify computes on the back end that is asked for', async () => {
  const { status, stdout } = await harness.run(['engine', 'verify', '--backend', 'wasm', '--json']);
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toEqual({
    backend: 'wasm',
    about: expect.stringMatching(/^vectors of (128|256) bits/),
    version: null,
  });
});

test('engine bench measures products on a slow back end, and no more than these', async () => {
  const { status, stdout } = await harness.run(['engine', 'bench', '--backend', 'cpu', '--json']);
  expect(status).toBe(0);
  const [times] = JSON.parse(stdout).backends;
  expect(times).toMatchObject({ backend: 'cpu', operations: [], stepMs: null, tokensPerSecond: null });
  for (const speed of Object.values(times.gflops)) expect(speed).toBeGreaterThan(0);
});
