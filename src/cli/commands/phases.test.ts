// The commands of the four phases through the command line: one small job from a text to an evaluated policy.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toJsonl } from '../../core/jsonl.ts';
import { FakeProcess, type Harness, makeHarness } from '../testing/harness.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await makeHarness();
  const colours = ['red', 'blue', 'green', 'gold', 'grey', 'pink', 'black', 'white'];
  const prompts = colours.map((colour, i) => ({
    id: `p-${i}`,
    prompt: `Name a ${colour} thing.`,
    demonstration: `A ${colour} stone in the ${colour} sand.`,
    split: i < 2 ? 'heldout' : 'train',
    dimension: 'creation',
  }));
  await writeFile(at('prompts.jsonl'), toJsonl(prompts));
  await writeFile(at('text.txt'), prompts.map(({ demonstration }) => demonstration).join('\n\n'));
});
afterAll(() => harness.remove());

const at = (...parts: string[]) => join(harness.cwd, ...parts);
const SMALL = ['--hidden', '16', '--layers', '1', '--heads', '2', '--kv-heads', '1', '--intermediate', '32'];
const WASM = ['--backend', 'wasm'];
/** What a command line prints; it must succeed. */
async function ok(...argv: string[]): Promise<string> {
  const { status, stdout, stderr } = await harness.run(argv);
  expect({ argv, status, stderr: status === 0 ? '' : stderr }).toEqual({ argv, status: 0, stderr: '' });
  return stdout;
}
async function refused(...argv: string[]): Promise<string> {
  const { status, stdout, stderr } = await harness.run(argv);
  expect({ argv, status, stdout }).toEqual({ argv, status: 2, stdout: '' });
  return stderr;
}
const base = () =>
  ok('pretrain', '--tokenizer', 'tokenizer-1', '--texts', 'text.txt', ...SMALL, '--epochs', '1', ...WASM);

describe('one job, phase after phase', () => {
  test('tokenizer train', async () => {
    expect(await ok('tokenizer', 'train', '--texts', 'text.txt', '--vocab-size', '280')).toMatch(
      /^tokenizer-1: \d+ entries from 8 documents\n$/,
    );
  });

  test('pretrain', async () => {
    expect(await base()).toMatch(/^base-1: loss \d\.\d{3}\n$/);
  });

  test('sft prints each version; --json a line each', async () => {
    const argv = [
      'sft',
      '--model',
      'base-1',
      '--prompts',
      'prompts.jsonl',
      '--batch-size',
      '3',
      '--epochs',
      '1',
      ...WASM,
    ];
    expect(await ok(...argv, '--keep-at-steps', '1', '--learning-rate', '0.01')).toMatch(
      /^sft-1: step 1, loss \d\.\d{3}\nsft-2: step 2, loss \d\.\d{3}\n$/,
    );
    const [line] = (await ok(...argv, '--json')).split('\n');
    expect(JSON.parse(line ?? '')).toMatchObject({ id: 'sft-3', role: 'sft', parents: ['base-1', 'prompt-set-1'] });
  });

  test('candidates of several versions', async () => {
    const argv = [
      'candidates',
      '--models',
      'base-1,sft-2',
      '--prompts',
      'prompt-set-1',
      '--max-new-tokens',
      '8',
      ...WASM,
    ];
    expect(await ok(...argv)).toBe('candidate-set-1: 24 replies to 6 prompts by base-1, sft-2\n');
  });

  test('judge, pairs, reward', async () => {
    await ok('judge');
    await ok('pairs', '--heldout-fraction', '0.3');
    const printed = await ok('reward', '--model', 'sft-2', '--epochs', '1', '--batch-size', '8', ...WASM);
    expect(printed).toMatch(
      /^reward-model-1: held-out accuracy \d+\.\d% \(\d+\.\d% to \d+\.\d%\), length alone \d+\.\d%\n$/,
    );
  });

  test('ppo', async () => {
    const argv = ['ppo', '--model', 'sft-2', '--reward-model', 'reward-model-1', '--prompts', 'prompt-set-1'];
    const size = ['--iterations', '2', '--prompts-per-iteration', '4', '--epochs', '1', '--max-new-tokens', '6'];
    expect(await ok(...argv, ...size, ...WASM)).toMatch(
      /^policy-1: 2 iterations, last reward -?\d+\.\d{3}, KL -?\d+\.\d{2} nats a reply\n$/,
    );
  });

  test('evaluate, for people and for scripts', async () => {
    const argv = ['evaluate', '--model', 'policy-1', '--reference', 'sft-2', '--reward-model', 'reward-model-1'];
    const rest = ['--prompts', 'prompt-set-1', '--max-new-tokens', '8', ...WASM];
    expect(await ok(...argv, ...rest)).toMatch(/^evaluation-1\n/);
    const { createdAt, id, ...figures } = JSON.parse(await ok(...argv, ...rest, '--json'));
    expect(id).toBe('evaluation-2');
    expect(createdAt).toBeDefined();
    expect(figures).toMatchObject({ model: 'policy-1', reference: 'sft-2', prompts: 2, samplesPerPrompt: 2 });
    const stored = JSON.parse(
      await readFile(at('data/workspace/artifacts/evaluation/evaluation-2/evaluation.json'), 'utf8'),
    );
    expect(stored).toMatchObject(figures);
  });

  test('the lineage of the policy ends at prompts and tokenizer', async () => {
    const lineage = await ok('lineage', 'policy-1');
    for (const id of [
      'sft-2',
      'reward-model-1',
      'pair-set-1',
      'candidate-set-1',
      'base-1',
      'prompt-set-1',
      'tokenizer-1',
    ])
      expect(lineage).toContain(id);
  });
});

describe('stopping and going on', () => {
  const SFT = [
    'sft',
    '--model',
    'base-1',
    '--prompts',
    'prompts.jsonl',
    '--batch-size',
    '1',
    '--epochs',
    '2',
    '--seed',
    '4',
  ];

  /** Sends the first Ctrl-C once the command has told its configuration. */
  async function interrupted(argv: string[]) {
    const process = new FakeProcess();
    const pending = harness.run(argv, { process });
    // The listener is there as soon as the command runs.
    while (process.listenerCount('SIGINT') === 0) await new Promise((resolve) => setImmediate(resolve));
    process.emit('SIGINT');
    return pending;
  }

  test('Ctrl-C ends with status 130 and the way to go on; a differing option is refused', async () => {
    const straight = (await ok(...SFT, ...WASM)).replace(/^sft-\d+/, '');
    const { status, stdout, stderr } = await interrupted([...SFT, ...WASM]);
    expect({ status, stdout }).toEqual({ status: 130, stdout: '' });
    const id = /--resume (sft-run-\d+)/.exec(stderr)?.[1] ?? 'none';
    expect(stderr).toMatch(/stopping: finishing the step and writing a checkpoint/);
    expect(await refused('sft', '--resume', id, '--seed', '5')).toMatch(
      new RegExp(`--seed is 5, but ${id} was started with 4\\.`),
    );
    expect(await refused('ppo', '--resume', id)).toMatch(/expected a run of ppo/);
    expect((await ok('sft', '--resume', id)).replace(/^sft-\d+/, '')).toBe(straight);
  });

  test('candidates too', async () => {
    const argv = ['candidates', '--models', 'base-1', '--prompts', 'prompt-set-1', '--max-new-tokens', '4'];
    const { status, stderr } = await interrupted([...argv, '--batch-size', '2', ...WASM]);
    expect(status).toBe(130);
    const id = /--resume (candidates-run-\d+)/.exec(stderr)?.[1] ?? 'none';
    expect(await ok('candidates', '--resume', id)).toMatch(/^candidate-set-\d+: 12 replies to 6 prompts by base-1\n$/);
  });
});

describe('bad input is named, with status 2', () => {
  test.each([
    [['sft', '--prompts', 'prompts.jsonl'], /--model is required/],
    [['sft', '--model', 'base-1', '--prompts', 'none.jsonl'], /none\.jsonl/],
    [['sft', '--model', 'base-9', '--prompts', 'prompts.jsonl'], /got base-9\. Known: .*base-1/],
    [
      ['sft', '--model', 'base-1', '--prompts', 'prompts.jsonl', '--epoch', '3'],
      /Unknown option --epoch\. Did you mean --epochs/,
    ],
    [['sft', '--resume', 'sft-run-99'], /got sft-run-99\. Known:/],
    [['pretrain', '--tokenizer', 'tokenizer-9', '--texts', 'text.txt'], /tokenizer-9/],
    [['pretrain', '--tokenizer', 'tokenizer-1', '--texts', 'none.txt'], /none\.txt/],
    [['pretrain', '--tokenizer', 'tokenizer-1', '--texts', 'text.txt', '--hidden', '30'], /--hidden/],
    [['tokenizer', 'train', '--texts', 'text.txt', '--vocab-size', '100'], /--vocab-size/],
    [['tokenizer', 'train', '--texts', 'none.txt'], /none\.txt/],
    [['candidates', '--prompts', 'prompts.jsonl'], /--models/],
    [['candidates', '--models', 'base-1', '--prompts', 'bad.jsonl'], /bad\.jsonl, line 2/],
    [['candidates', '--models', 'base-1', '--prompts', 'prompts.jsonl', '--top-p', '0'], /--top-p/],
    [['reward', '--model', 'base-1', '--pairs', 'pair-set-9'], /pair-set-9/],
    [['reward', '--model', 'base-1', '--pairs', 'base-1'], /base-1 is a model/],
    [
      ['ppo', '--model', 'sft-2', '--reward-model', 'sft-2', '--prompts', 'prompts.jsonl'],
      /Expected a reward model, but sft-2 is a language model/,
    ],
    [['ppo', '--model', 'sft-2', '--reward-model', 'reward-model-9', '--prompts', 'prompts.jsonl'], /reward-model-9/],
    [['evaluate', '--model', 'sft-2', '--prompts', 'bad.jsonl'], /bad\.jsonl, line 2/],
    [['evaluate', '--model', 'pair-set-1', '--prompts', 'prompts.jsonl'], /pair-set-1 is a pair-set/],
    [['evaluate', '--model', 'sft-2', '--prompts', 'prompts.jsonl', '--resume', 'x'], /Unknown option --resume/],
  ])('%j', async (argv, message) => {
    await writeFile(at('bad.jsonl'), '{"id":"a","prompt":"x"}\n{"id":"b"}\n');
    const backend = argv[0] === 'tokenizer' ? [] : WASM;
    expect(await refused(...argv, ...backend)).toMatch(message);
  });
});
