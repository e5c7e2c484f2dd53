import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packagePath } from '../core/packageRoot.ts';
import { startEngine } from '../engine/backend.ts';
import { type FakeHub, startFakeHub } from '../hub/testing/fakeHub.ts';
import { makeTinyModel } from '../model/testing/tinyModel.ts';
import { type Harness, makeHarness } from './testing/harness.ts';

const COMMIT = 'b'.repeat(40);
beforeAll(async () => {
  await startEngine({ backend: 'cpu', note: () => undefined });
});

let hub: FakeHub;
let harness: Harness;
let env: Record<string, string>;

beforeEach(async () => {
  hub = await startFakeHub();
  harness = await makeHarness();
  const source = join(harness.cwd, 'source');
  await makeTinyModel(source, { seed: 1 });
  const files = new Map<string, Uint8Array>();
  for (const name of await readdir(source)) files.set(name, await readFile(join(source, name)));
  files.set('README.md', Buffer.from('---\nlicense: apache-2.0\n---\n# tiny'));
  hub.repositories.set('owner/tiny', { commit: COMMIT, refs: ['main', 'v1'], files, access: 'private' });
  env = { HF_ENDPOINT: hub.url, HF_HOME: join(harness.cwd, 'hf'), HF_TOKEN: hub.token };
});
afterEach(async () => {
  await hub.close();
  await harness.remove();
});

const GENERATE = [
  'generate',
  '--raw',
  '--prompt',
  'The',
  '--greedy',
  '--max-new-tokens',
  '3',
  '--backend',
  'cpu',
  '--json',
];

test('a command takes a model of the hub, imports it once, and the lineage names its commit', async () => {
  const first = await harness.run([...GENERATE, '--model', 'owner/tiny'], { env });
  expect(first.stderr).toContain('imported-1: owner/tiny, commit bbbbbbbbbbbb');
  expect(first.status).toBe(0);
  const again = await harness.run([...GENERATE, '--model', 'owner/tiny@v1'], { env });
  const folder = await harness.run([...GENERATE, '--model', 'source'], { env });
  const byId = await harness.run([...GENERATE, '--model', 'imported-1'], { env });
  expect(new Set([first, again, folder, byId].map(({ stdout }) => stdout)).size).toBe(1);
  const lineage = await harness.run(['lineage', 'imported-1'], { env });
  expect(lineage.stdout).toContain(`hub: owner/tiny@main, commit ${COMMIT}, ${hub.url}`);
  const models = JSON.parse((await harness.run(['models', 'list', '--json'], { env })).stdout);
  expect(models).toHaveLength(1);
  const index = await readFile(join(harness.cwd, 'data', 'workspace', 'db.json'), 'utf8');
  expect(index + first.stderr + first.stdout).not.toContain(hub.token);
});

test('offline takes it from the cache', async () => {
  await harness.run(['models', 'pull', 'owner/tiny'], { env });
  hub.requests.length = 0;
  const run = await harness.run([...GENERATE, '--model', 'owner/tiny'], { env: { ...env, HF_HUB_OFFLINE: '1' } });
  expect(run.status).toBe(0);
  expect(hub.requests).toEqual([]);
});

test('a folder of that name comes first; an option that does not fit is told before anything is fetched', async () => {
  const { mkdir } = await import('node:fs/promises');
  await mkdir(join(harness.cwd, 'owner', 'tiny'), { recursive: true });
  const folder = await harness.run([...GENERATE, '--model', 'owner/tiny'], { env });
  expect(folder.status).toBe(2);
  const wrong = await harness.run([...GENERATE, '--model', 'owner/other', '--temperature', '-1'], { env });
  expect(wrong.stderr).toContain('--temperature');
  expect(hub.requests).toEqual([]);
});

test('a repository that is not there is an error with its name', async () => {
  const run = await harness.run([...GENERATE, '--model', 'owner/none'], { env });
  expect(run.status).toBe(2);
  expect(run.stderr).toContain('There is no owner/none');
});

test('a tokenizer of the hub becomes a tokenizer artefact', async () => {
  await writeFile(join(harness.cwd, 'a.txt'), 'The cat sat on the mat. '.repeat(40));
  const run = await harness.run(
    [
      'pretrain',
      '--tokenizer',
      'owner/tiny',
      '--texts',
      'a.txt',
      '--hidden',
      '16',
      '--heads',
      '2',
      '--kv-heads',
      '1',
      '--layers',
      '1',
      '--intermediate',
      '16',
      '--block-length',
      '16',
      '--max-positions',
      '32',
      '--epochs',
      '1',
      '--backend',
      'cpu',
      '--json',
    ],
    { env },
  );
  expect(run.stderr).not.toContain('error');
  expect(JSON.parse(run.stdout).parents).toEqual(['tokenizer-1']);
});

test('push sends a model with its card, and pull brings the same weights back', async () => {
  await harness.run(['models', 'import', 'source'], { env });
  const push = await harness.run(['models', 'push', 'imported-1', 'me/mine', '--private', '--json'], { env });
  expect(push.stderr).not.toContain('error');
  const { commit } = JSON.parse(push.stdout);
  expect(push.stdout + push.stderr).not.toContain(hub.token);
  const sent = hub.repositories.get('me/mine');
  expect(sent).toMatchObject({ access: 'private', commit });
  expect(String(sent?.files.get('README.md'))).toContain('# imported-1');
  expect(JSON.parse(String(sent?.files.get('generation_config.json')))).toEqual({
    bos_token_id: 0,
    eos_token_id: 1,
    pad_token_id: 5,
  });
  await harness.run(['models', 'pull', 'me/mine'], { env });
  const cards = JSON.parse((await harness.run(['models', 'list', '--json'], { env })).stdout);
  expect(cards[1].files['model.safetensors']).toBe(cards[0].files['model.safetensors']);
  expect(cards[1].config.hub).toMatchObject({ repository: 'me/mine', commit });
});

test('an adapter goes to the hub under its base’s name, and comes back with it', async () => {
  await writeFile(
    join(harness.cwd, 'prompts.jsonl'),
    '{"id":"a","prompt":"Go","demonstration":"Yes."}\n{"id":"b","prompt":"On","demonstration":"No."}\n',
  );
  const sft = await harness.run(
    [
      'sft',
      '--model',
      'owner/tiny',
      '--prompts',
      'prompts.jsonl',
      '--lora-rank',
      '2',
      '--epochs',
      '1',
      '--backend',
      'wasm',
    ],
    { env },
  );
  expect(sft.stderr).not.toContain('error');
  const push = await harness.run(['models', 'push', 'sft-1', 'me/adapter', '--json'], { env });
  expect(push.stderr).not.toContain('error');
  const sent = hub.repositories.get('me/adapter')?.files;
  expect(JSON.parse(String(sent?.get('adapter_config.json'))).base_model_name_or_path).toBe('owner/tiny');
  const card = String(sent?.get('README.md'));
  for (const line of ['library_name: peft', '- owner/tiny', 'base_model_relation: adapter', 'license: apache-2.0']) {
    expect(card).toContain(line);
  }
  const elsewhere = { env: { ...env, FOURFOLD_WORKSPACE: join(harness.cwd, 'elsewhere') } };
  const there = await harness.run([...GENERATE, '--model', 'me/adapter'], elsewhere);
  expect(there.stderr).not.toContain('error');
  expect(there.stdout).toBe((await harness.run([...GENERATE, '--model', 'sft-1'], { env })).stdout);
  const again = await harness.run([...GENERATE, '--model', 'me/adapter'], elsewhere);
  expect(again.stdout).toBe(there.stdout);
  const models = JSON.parse((await harness.run(['models', 'list', '--json'], elsewhere)).stdout);
  expect(models.map(({ id, parents }: { id: string; parents: string[] }) => [id, parents])).toEqual([
    ['imported-1', []],
    ['imported-2', ['imported-1']],
  ]);
});

test('killed in the middle of a file, the next run goes on there', async () => {
  const weights = hub.repositories.get('owner/tiny')?.files.get('model.safetensors') ?? new Uint8Array();
  hub.repositories.get('owner/tiny')?.files.set('model.safetensors', weights);
  let release = () => {};
  const isHanging = new Promise<void>((resolve) => {
    release = resolve;
  });
  // Sends half of the file and then says nothing more.
  hub.stallAfter = (path) => {
    if (path !== 'model.safetensors') return null;
    release();
    return Math.floor(weights.byteLength / 2);
  };
  const child = spawn(process.execPath, [packagePath('bin', 'fourfold.js'), 'models', 'pull', 'owner/tiny'], {
    env: { ...process.env, ...env },
    cwd: harness.cwd,
    stdio: 'ignore',
  });
  await isHanging;
  const blobs = join(harness.cwd, 'hf', 'hub', 'models--owner--tiny', 'blobs');
  const partialSize = async () => {
    const name = (await readdir(blobs)).find((entry) => entry.endsWith('.incomplete'));
    return name === undefined ? 0 : (await stat(join(blobs, name))).size;
  };
  while ((await partialSize()) < Math.floor(weights.byteLength / 2))
    await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill('SIGKILL');
  await once(child, 'close');
  hub.stallAfter = () => null;
  hub.requests.length = 0;
  const run = await harness.run(['models', 'pull', 'owner/tiny'], { env });
  expect(run.status).toBe(0);
  expect([...new Set(hub.requests.flatMap(({ range }) => range ?? []))]).toEqual([
    `bytes=${Math.floor(weights.byteLength / 2)}-`,
  ]);
});
