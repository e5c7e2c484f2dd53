// models, lineage, prompts, annotators and schedule on a workspace of their own, through the command line.
import { mkdir, readdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PromptLine } from '../../core/records.ts';
import { openWorkspace } from '../../store/workspace.ts';
import { type Harness, makeHarness } from '../testing/harness.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await makeHarness();
});
afterEach(() => harness.remove());

const ok = async (...argv: string[]) => {
  const { status, stdout, stderr } = await harness.run(argv);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
};
const json = async (...argv: string[]) => JSON.parse(await ok(...argv, '--json'));
const refused = async (...argv: string[]) => {
  const { status, stdout, stderr } = await harness.run(argv);
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  return stderr;
};
const at = (...parts: string[]) => join(harness.cwd, ...parts);
const workspace = () => openWorkspace(at('data', 'workspace'));

const CONFIG = {
  model_type: 'llama',
  vocab_size: 8,
  hidden_size: 4,
  intermediate_size: 8,
  num_hidden_layers: 1,
  num_attention_heads: 2,
};

/** A safetensors file of one tensor [2, 2] of float32. */
function safetensors(name = 'w'): Buffer {
  const header = Buffer.from(JSON.stringify({ [name]: { dtype: 'F32', shape: [2, 2], data_offsets: [0, 16] } }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, Buffer.alloc(16)]);
}

async function modelFolder(name: string): Promise<string> {
  await mkdir(at(name));
  await writeFile(at(name, 'config.json'), JSON.stringify(CONFIG));
  await writeFile(at(name, 'model.safetensors'), safetensors());
  await writeFile(at(name, 'tokenizer.json'), '{}');
  await writeFile(at(name, 'notes.txt'), 'not part of a model');
  return name;
}

describe('models', () => {
  test('a folder goes in, is listed, and comes out byte for byte, without what is no part of a model', async () => {
    const artifact = await json('models', 'import', await modelFolder('m'));
    expect(artifact).toMatchObject({ id: 'imported-1', kind: 'model', role: 'imported', config: { dir: at('m') } });
    expect((await json('models', 'list')).map((one: { id: string }) => one.id)).toEqual(['imported-1']);
    expect(await ok('models', 'list')).toMatch(/imported-1 +imported +1/);
    await ok('models', 'export', 'imported-1', 'new/out');
    expect(await readdir(at('new'))).toEqual(['out']);
    expect((await readdir(at('new', 'out'))).sort()).toEqual([
      'README.md',
      'config.json',
      'model.safetensors',
      'tokenizer.json',
    ]);
    expect(await readFile(at('new', 'out', 'model.safetensors'))).toEqual(safetensors());
  });

  test('a folder whose weights carry a score head comes in as a reward model', async () => {
    const dir = await modelFolder('m');
    await writeFile(at(dir, 'model.safetensors'), safetensors('score.weight'));
    expect(await json('models', 'import', dir)).toMatchObject({
      id: 'reward-model-1',
      kind: 'reward-model',
      parents: [],
    });
  });

  test('export refuses a folder that is not empty and leaves it as it was', async () => {
    await ok('models', 'import', await modelFolder('m'));
    await mkdir(at('full'));
    await writeFile(at('full', 'mine.txt'), 'mine');
    expect(await refused('models', 'export', 'imported-1', 'full')).toContain('expected a new or empty folder');
    expect(await readdir(at('full'))).toEqual(['mine.txt']);
    await mkdir(at('empty'));
    await ok('models', 'export', 'imported-1', 'empty');
    expect(await readdir(at('empty'))).toContain('config.json');
    expect(await refused('models', 'export', 'imported-9', 'x')).toContain('Known: imported-1');
  });

  test.each([
    [
      'no weights',
      async (dir: string) => (await import('node:fs/promises')).rm(join(dir, 'model.safetensors')),
      'expected model.safetensors or model.safetensors.index.json, there is neither',
    ],
    ['truncated weights', (dir: string) => truncate(join(dir, 'model.safetensors'), 70), 'model.safetensors'],
    ['another architecture', (dir: string) => writeFile(join(dir, 'config.json'), '{"model_type":"bloom"}'), 'bloom'],
    [
      'a link',
      (dir: string) => symlink('/etc/hosts', join(dir, 'chat_template.jinja')),
      'expected a plain file, got a link',
    ],
  ])('import refuses %s and leaves nothing behind', async (_, spoil, message) => {
    await modelFolder('m');
    await spoil(at('m'));
    expect(await refused('models', 'import', 'm')).toContain(message);
    expect((await workspace()).artifacts.all()).toEqual([]);
  });
});

describe('prompts', () => {
  const lines = (...values: unknown[]) =>
    writeFile(at('p.jsonl'), values.map((value) => `${JSON.stringify(value)}\n`).join('\n'));

  test('are imported with their splits counted, and read back as they were', async () => {
    await lines(
      { id: 'a', prompt: 'Hi?', demonstration: 'Hello.' },
      { id: 'b', prompt: 'Why?', split: 'heldout', dimension: 'reasoning' },
    );
    const artifact = await json('prompts', 'import', 'p.jsonl');
    expect(artifact).toMatchObject({ id: 'prompt-set-1', metrics: { prompts: 2, train: 1, heldout: 1 } });
    const { artifacts } = await workspace();
    const text = await readFile(join(artifacts.dir(artifact), 'prompts.jsonl'), 'utf8');
    expect(
      text
        .trim()
        .split('\n')
        .map((line) => PromptLine.parse(JSON.parse(line))),
    ).toEqual([
      {
        id: 'a',
        dimension: null,
        split: 'train',
        messages: [{ role: 'user', content: 'Hi?' }],
        demonstration: 'Hello.',
      },
      {
        id: 'b',
        dimension: 'reasoning',
        split: 'heldout',
        messages: [{ role: 'user', content: 'Why?' }],
        demonstration: null,
      },
    ]);
    expect(await ok('prompts', 'list')).toMatch(/prompt-set-1 +2 +1 +1 /);
  });

  test('an id that is there twice is refused with both lines', async () => {
    // Lines 1, 3 and 5: the file has a blank line between each.
    await lines({ id: 'a', prompt: 'x' }, { id: 'b', prompt: 'x' }, { id: 'a', prompt: 'y' });
    expect(await refused('prompts', 'import', 'p.jsonl')).toContain('the id a is on line 1 and again on line 5');
  });

  test('a malformed line is named, and nothing is imported', async () => {
    await writeFile(at('p.jsonl'), '{"id":"a","prompt":"x"}\n{"id":"b"}\n');
    expect(await refused('prompts', 'import', 'p.jsonl')).toContain('p.jsonl, line 2: ');
    await writeFile(at('p.jsonl'), '{"id":"a",');
    expect(await refused('prompts', 'import', 'p.jsonl')).toContain('p.jsonl, line 1: expected JSON');
    await writeFile(at('p.jsonl'), '\n');
    expect(await refused('prompts', 'import', 'p.jsonl')).toContain('expected at least one prompt');
    expect((await workspace()).artifacts.all()).toEqual([]);
  });
});

describe('annotators', () => {
  test('a token is shown once, signs in, and is kept nowhere in clear', async () => {
    const { annotator, token, path } = await json('annotators', 'add', 'ann', '--name', 'Ann Lee', '--simulated');
    expect(annotator).toMatchObject({ id: 'ann', name: 'Ann Lee', simulated: true });
    expect(path).toBe(`/#token=${token}`);
    expect((await (await workspace()).annotators.authenticate(token))?.id).toBe('ann');
    expect(await readFile(at('data', 'workspace', 'db.json'), 'utf8')).not.toContain(token.split(':')[1]);
    const listed = await ok('annotators', 'list', '--json');
    expect(listed).not.toContain('tokenHash');
    expect(await ok('annotators', 'list')).toMatch(/ann +Ann Lee +simulated +annotator/);
  });

  test('an id that is taken, one of odd letters and an unknown one are refused', async () => {
    await ok('annotators', 'add', 'ann');
    expect(await refused('annotators', 'add', 'ann')).toContain('there already');
    expect(await refused('annotators', 'add', 'a b')).toContain('Expected an annotator id');
    expect(await refused('annotators', 'remove', 'bob')).toContain('Known: ann');
    await ok('annotators', 'remove', 'ann');
    expect(await json('annotators', 'list')).toEqual([]);
  });
});

describe('schedule', () => {
  const base = { parents: [], seed: 0, config: {}, engine: null, round: 1, runId: null, metrics: {} };
  const nothing = async () => undefined;
  /** policy-1, reward-model-1 and prompt-set-1. */
  beforeEach(async () => {
    const { artifacts } = await workspace();
    await artifacts.create<'model'>({ ...base, kind: 'model', role: 'policy' }, nothing);
    await artifacts.create<'reward-model'>({ ...base, kind: 'reward-model' }, nothing);
    await artifacts.create<'prompt-set'>({ ...base, kind: 'prompt-set' }, nothing);
  });
  const DAILY = ['schedule', 'add', '--cron', '0 3 * * *'];
  const set = (evaluate: Record<string, unknown>) =>
    Object.entries(evaluate).flatMap(([key, value]) => ['--set', `evaluate.${key}=${value}`]);

  test('the example of the help and of the empty list works as it stands', async () => {
    const { stderr } = await harness.run(['schedule', 'list']);
    const [, example = ''] = /Add one: fourfold (.*)/.exec(stderr) ?? [];
    const help = (await ok('schedule', 'add', '--help')).replaceAll(/\s+/g, ' ');
    expect(help).toContain(`Example: fourfold ${example}`);
    expect(help).toContain('six with seconds first');
    const words = [...example.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? '');
    expect(await ok(...words)).toMatch(/^schedule-1: 0 3 \* \* \*, next /);
  });

  test.each([
    ['a model', { model: 'policy-9' }, "Expected a language model's id or folder, got policy-9. Known: policy-1."],
    ['a reference', { reference: './gone' }, "Expected a language model's id or folder, got ./gone."],
    ['a reward model', { rewardModel: 'policy-1' }, 'Expected a reward model, but policy-1 is a language model.'],
    ['prompts', { prompts: 'none.jsonl' }, "Expected a file of prompts or a prompt set's id, got none.jsonl."],
  ])('%s that is not there is refused at once', async (_name, change, message) => {
    const evaluate = { model: 'policy-1', prompts: 'prompt-set-1', ...change };
    expect(await refused(...DAILY, ...set(evaluate))).toContain(message);
    expect((await workspace()).schedules.list()).toEqual([]);
  });

  test('a missing model is told as it is written here', async () => {
    expect(await refused(...DAILY)).toContain('--set evaluate.model=... is required');
    expect(await refused(...DAILY)).toContain('--set evaluate.prompts=... is required');
  });

  test('paths are kept absolute, so that serve may run anywhere', async () => {
    await mkdir(at('far'));
    await writeFile(at('p.jsonl'), '{"id":"a","prompt":"x"}\n');
    const added = await json(...DAILY, ...set({ model: 'policy-1', reference: './far', prompts: 'p.jsonl' }));
    expect(added.evaluate).toEqual({ model: 'policy-1', reference: at('far'), prompts: at('p.jsonl') });
  });

  test('keeps the options of the evaluation and says when it fires next', async () => {
    const evaluate = { model: 'policy-1', prompts: 'prompt-set-1', seed: 7 };
    const settings = Object.entries(evaluate).flatMap(([key, value]) => ['--set', `evaluate.${key}=${value}`]);
    const added = await json('schedule', 'add', '--cron', '0 3 * * *', ...settings);
    expect(added).toMatchObject({ id: 'schedule-1', cron: '0 3 * * *', evaluate, history: [] });
    // Three o'clock local time, within a day from now.
    expect(new Date(added.next).getHours()).toBe(3);
    expect(new Date(added.next).getTime() - Date.now()).toBeLessThan(25 * 3_600_000);
    const at1 = '2026-01-01T03:00:00.000Z';
    (await workspace()).schedules.recordFiring('schedule-1', {
      startedAt: at1,
      finishedAt: at1,
      evaluationId: null,
      error: 'no model',
    });
    expect(await ok('schedule', 'list')).toContain(`schedule-1  ${at1}  failed: no model`);
    await ok('schedule', 'remove', 'schedule-1');
    expect(await json('schedule', 'list')).toEqual([]);
    expect(await refused('schedule', 'remove', 'schedule-1')).toContain("Expected a schedule's id, got schedule-1");
  });

  test('options that the evaluation would not take are refused at once', async () => {
    const add = (...settings: string[]) =>
      refused('schedule', 'add', '--cron', '0 3 * * *', ...settings.flatMap((setting) => ['--set', setting]));
    expect(await add('evaluate.modle=policy-1')).toContain('unknown key modle. Did you mean model?');
    expect(await add('evaluate.model=3', 'evaluate.backend=gpu')).toContain('Options of the evaluation: ');
    expect((await workspace()).schedules.list()).toEqual([]);
  });

  test('a run that fails is kept in the history', async () => {
    const evaluate = { model: 'policy-7', prompts: 'none.jsonl', backend: 'cpu' };
    (await workspace()).schedules.add({ cron: '0 3 * * *', evaluate });
    const { status } = await harness.run(['schedule', 'run', 'schedule-1']);
    expect(status).toBe(2);
    const [schedule] = await json('schedule', 'list');
    expect(schedule.history).toEqual([
      expect.objectContaining({ evaluationId: null, error: expect.stringContaining('got policy-7. Known: policy-1.') }),
    ]);
    expect(await refused('schedule', 'run', 'schedule-2')).toContain("Expected a schedule's id, got schedule-2");
  });

  test.each(['* * *', '61 * * * *', 'daily', '0 0 30 2 *'])('refuses the cron expression %j', async (cron) => {
    expect(await refused('schedule', 'add', '--cron', cron)).toMatch(
      /--cron: ".*" is of no use: .*Expected five cron fields, or six with seconds first/,
    );
    expect((await workspace()).schedules.list()).toEqual([]);
  });
});

describe('lineage', () => {
  const base = { seed: 1, config: {}, engine: null, round: 1, runId: null, metrics: {} };

  test('goes back to prompts, versions, annotators and judge prompts, each artefact told once', async () => {
    const { artifacts } = await workspace();
    const empty = async () => undefined;
    const prompts = await artifacts.create<'prompt-set'>({ ...base, kind: 'prompt-set', parents: [] }, empty);
    const sft = await artifacts.create<'model'>({ ...base, kind: 'model', role: 'sft', parents: [prompts.id] }, empty);
    const candidates = await artifacts.create<'candidate-set'>(
      { ...base, kind: 'candidate-set', versions: ['sft-1', 'far'], parents: [prompts.id, sft.id] },
      empty,
    );
    const sources = [
      { source: 'human:ann', kind: 'simulated' as const, judgements: 3, promptHash: null },
      { source: 'judge:rule-based', kind: 'judge' as const, judgements: 4, promptHash: 'abc' },
    ];
    await artifacts.create<'pair-set'>({ ...base, kind: 'pair-set', sources, parents: [candidates.id] }, empty);
    const shape = (await ok('lineage', 'pair-set-1'))
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/, round.*/, ''));
    expect(shape).toEqual([
      'pair-set-1  pair-set',
      '├─ human:ann (simulated, 3 judgements)',
      '├─ judge:rule-based (judge, 4 judgements, prompt abc)',
      '└─ candidate-set-1  candidate-set',
      '   ├─ version sft-1',
      '   ├─ version far',
      '   ├─ prompt-set-1  prompt-set',
      '   └─ sft-1  sft model',
      '      └─ prompt-set-1  (above)',
    ]);
    const ids = (await json('lineage', 'pair-set-1')).map((artifact: { id: string }) => artifact.id);
    expect(ids).toEqual(['pair-set-1', 'candidate-set-1', 'prompt-set-1', 'sft-1']);
  });

  test('without an id it asks for one, as the word it is', async () => {
    expect(await refused('lineage')).toBe('error: Expected ID (Id of an artefact).\n');
  });

  test('tells a model that was a folder by its place and the hash of its weights', async () => {
    const config = { modelFolders: { model: { folder: '/far/base', sha256: 'abcdef0123456789' } } };
    const { artifacts } = await workspace();
    await artifacts.create<'model'>(
      { ...base, kind: 'model', role: 'sft', config, parents: [] },
      async () => undefined,
    );
    expect(await ok('lineage', 'sft-1')).toContain(
      '\n└─ model: folder /far/base (model.safetensors, SHA-256 abcdef012345)\n',
    );
  });

  test('an unknown id is refused with those that are there', async () => {
    expect(await refused('lineage', 'policy-7')).toContain('got policy-7. This workspace has no artefact yet.');
    const { artifacts } = await workspace();
    await artifacts.create<'prompt-set'>({ ...base, kind: 'prompt-set', parents: [] }, async () => undefined);
    expect(await refused('lineage', 'policy-7')).toContain('Newest: prompt-set-1.');
  });
});

test('a workspace below a file is refused with status 74', async () => {
  await writeFile(at('file'), '');
  const { status, stderr } = await harness.run(['annotators', 'add', 'ann', '--workspace', 'file/w']);
  expect(status).toBe(74);
  expect(stderr).toContain('a part of the path is a file where a folder was expected');
});
