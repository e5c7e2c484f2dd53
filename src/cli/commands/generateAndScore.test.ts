import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { seedOf } from '../../core/random.ts';
import { startEngine } from '../../engine/backend.ts';
import * as tf from '../../engine/tf.ts';
import { generate } from '../../generate/generate.ts';
import { loadModel } from '../../model/model.ts';
import { makeTinyModel } from '../../model/testing/tinyModel.ts';
import { renderPrompt } from '../../tokens/rendering.ts';
import { loadTokenizer } from '../../tokens/tokenizer.ts';
import type { TableEntry } from '../commandTable.ts';
import { FakeProcess, type Harness, makeHarness } from '../testing/harness.ts';

const table: TableEntry[] = [
  { name: 'generate', describe: '', load: () => import('./generate.ts') },
  { name: 'score', describe: '', load: () => import('./score.ts') },
];

let harness: Harness;
let model: string;
beforeAll(async () => {
  await startEngine({ backend: 'wasm' });
  harness = await makeHarness();
  model = join(harness.cwd, 'tiny');
  await makeTinyModel(model, { seed: seedOf('cli') });
  await makeTinyModel(join(harness.cwd, 'reward'), { seed: seedOf('cli'), head: 'scalar' });
});
afterAll(() => harness.remove());

const run = (...argv: string[]) => harness.run([...argv, '--backend', 'wasm', '--workspace', 'ws'], { table });
const json = async (...argv: string[]) => {
  const { status, stdout, stderr } = await run(...argv, '--json');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
};
const encode = async (text: string) => (await loadTokenizer(model)).encode(text, { addSpecialTokens: true });

describe('generate', () => {
  const short = ['--model', 'tiny', '--max-new-tokens', '6'];

  test('--prompt answers a conversation by the chat template', async () => {
    const tokenizer = await loadTokenizer(model);
    const promptIds = renderPrompt(tokenizer, [{ role: 'user', content: 'What is it?' }]);
    const loaded = await loadModel(model);
    const [expected] = await generate(loaded, [{ promptIds, seed: 7 }], {
      sampling: { temperature: 0.9, topK: 50, topP: 0.95, maxNewTokens: 6 },
      stopIds: [1],
    });
    loaded.dispose();
    const given = ['--seed', '7', '--temperature', '0.9', '--top-k', '50', '--top-p', '0.95'];
    const [result] = await json('generate', ...short, '--prompt', 'What is it?', ...given);
    const text = tokenizer.decode(expected?.tokenIds ?? []);
    expect(result).toEqual({ text, tokenIds: expected?.tokenIds, promptTokenIds: promptIds });
    expect(Object.keys(result)).toEqual(['text', 'tokenIds', 'promptTokenIds']);
    expect((await run('generate', ...short, '--prompt', 'What is it?', ...given)).stdout).toBe(`${text}\n`);
  });

  test('--raw continues the text as it is; the empty text from the beginning token', async () => {
    const [some] = await json('generate', ...short, '--raw', '--prompt', 'The cat');
    expect(some.promptTokenIds).toEqual(await encode('The cat'));
    const [none] = await json('generate', ...short, '--raw', '--prompt', '');
    expect(none.promptTokenIds).toEqual([0]);
    expect(none.tokenIds.length).toBeGreaterThan(0);
  });

  test('an empty prompt without --raw is an empty message', async () => {
    const expected = renderPrompt(await loadTokenizer(model), [{ role: 'user', content: '' }]);
    const [result] = await json('generate', ...short, '--prompt', '');
    expect(result.promptTokenIds).toEqual(expected);
  });

  test('--prompt-ids takes tokens as they are', async () => {
    const [result] = await json('generate', ...short, '--prompt-ids', '5, 17,319');
    expect(result.promptTokenIds).toEqual([5, 17, 319]);
  });

  test('--greedy gives the same whatever the seed; without it the seed matters', async () => {
    const ids = async (...more: string[]) =>
      (await json('generate', ...short, '--prompt-ids', '5', ...more))[0].tokenIds;
    const greedy = await ids('--greedy');
    expect(await ids('--greedy', '--seed', '9')).toEqual(greedy);
    expect(await ids('--temperature', '0')).toEqual(greedy);
    expect(await ids('--seed', '9')).toEqual(await ids('--seed', '9'));
    expect(await ids('--seed', '9')).not.toEqual(await ids('--seed', '10'));
  });

  test.each([
    ['no prompt', [], 'either --prompt or --prompt-ids'],
    ['both prompts', ['--prompt', 'x', '--prompt-ids', '1'], 'either --prompt or --prompt-ids'],
    ['ids that are none', ['--prompt-ids', '1,x'], '--prompt-ids: expected whole numbers'],
    ['ids with a gap', ['--prompt-ids', '1,,2'], '--prompt-ids: expected whole numbers'],
    ['an id in another notation', ['--prompt-ids', '1e1'], '--prompt-ids: expected whole numbers'],
    ['no id', ['--prompt-ids', ''], '--prompt-ids: expected whole numbers'],
    ['an id beyond the vocabulary', ['--prompt-ids', '320'], 'from 0 to 319, got 320'],
    ['a prompt longer than the context', ['--prompt', 'x y '.repeat(100)], "the model's context of 128 tokens"],
    ['top-p 0', ['--prompt', 'x', '--top-p', '0'], '--top-p'],
  ])('%s is refused', async (_name, more, message) => {
    const { status, stdout, stderr } = await run('generate', ...short, ...more);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(message);
  });

  test('a reward model cannot write, and a folder that is none is named', async () => {
    expect(await run('generate', '--model', 'reward', '--prompt', 'x')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('expected a language model, got a reward model'),
    });
    expect(await run('generate', '--model', 'nowhere', '--prompt', 'x')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('nowhere'),
    });
  });

  test('no tensor is left over', async () => {
    await json('generate', ...short, '--prompt', 'x');
    const before = tf.memory().numTensors;
    await json('generate', ...short, '--prompt', 'x');
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('Ctrl-C', () => {
  test.each([
    ['generate', ['generate', '--model', 'tiny', '--prompt', 'x', '--max-new-tokens', '90', '--seed', '7']],
    ['score', ['score', '--model', 'tiny', '--input', 'many.jsonl', '--batch-size', '1']],
  ])('ends %s with status 130 and no result', async (_name, argv) => {
    await writeFile(join(harness.cwd, 'many.jsonl'), '{"text":"The cat sat."}\n'.repeat(300));
    const process = new FakeProcess();
    const running = harness.run([...argv, '--backend', 'wasm', '--workspace', 'ws'], { table, process });
    const timer = setInterval(() => process.emit('SIGINT'), 1);
    const { status, stdout, stderr } = await running;
    clearInterval(timer);
    expect({ status, stdout }).toEqual({ status: 130, stdout: '' });
    expect(stderr).toContain('was stopped.');
  });

  test('a model without a chat template is pointed to --raw', async () => {
    const bare = join(harness.cwd, 'bare');
    await makeTinyModel(bare, { seed: 1 });
    await rm(join(bare, 'tokenizer_config.json'));
    expect(await run('generate', '--model', 'bare', '--prompt', 'x')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('Use --raw to continue the text as it is.'),
    });
  });
});

describe('score', () => {
  const texts = ['The cat sat on the mat.', 'x', '什么是好的？', 'The dog is here, and the cat is not.'];
  const put = async (name: string, text: string) => {
    await writeFile(join(harness.cwd, name), text);
    return ['--input', name];
  };
  const lines = texts.map((text) => `${JSON.stringify({ text })}\n`).join('');

  test('a language model: log-probability and tokens, one line out for each line in, in their order', async () => {
    const results = await json('score', '--model', 'tiny', ...(await put('texts.jsonl', lines)));
    expect(results).toHaveLength(texts.length);
    for (const [i, result] of results.entries()) {
      expect(Object.keys(result)).toEqual(['logProb', 'tokens']);
      // The beginning token is given, not predicted.
      const tokens = (await encode(texts[i] ?? '')).length - 1;
      expect(result.tokens).toBe(tokens);
      // Weights of deviation 0.02 predict nearly evenly over 320 tokens.
      expect(result.logProb / tokens).toBeCloseTo(-Math.log(320), 0);
    }
    expect(await json('score', '--model', 'tiny', '--input', 'texts.jsonl', '--batch-size', '1')).toEqual(results);
  });

  test('a reward model: one reward a line', async () => {
    const results = await json('score', '--model', 'reward', ...(await put('texts.jsonl', lines)));
    expect(results.map((result) => Object.keys(result))).toEqual(texts.map(() => ['reward']));
    expect(new Set(results.map(({ reward }) => reward)).size).toBe(texts.length);
    const last = await json('score', '--model', 'reward', ...(await put('last.jsonl', lines.split('\n')[3] ?? '')));
    expect(last).toEqual(results.slice(3));
  });

  test('the empty text has the beginning token alone: nothing is predicted', async () => {
    const empty = await put('empty-text.jsonl', '{"text":""}\n');
    expect(await json('score', '--model', 'tiny', ...empty)).toEqual([{ logProb: 0, tokens: 0 }]);
    expect(await json('score', '--model', 'reward', ...empty)).toEqual([{ reward: expect.any(Number) }]);
  });

  test('people see the text beside its score', async () => {
    const { stdout } = await run('score', '--model', 'tiny', ...(await put('one.jsonl', '{"text":"x"}\n')));
    expect(stdout).toMatch(/^"x" \{"logProb":-\d+\.\d+,"tokens":1\}\n$/);
  });

  test.each([
    ['no JSON', '{"text":"x"}\nnot json\n', 'bad.jsonl, line 2: expected JSON'],
    ['no text', '{"text":"x"}\n{"text":"y"}\n{"words":"z"}\n', 'bad.jsonl, line 3'],
    ['a text that is none', '{"text":5}\n', 'bad.jsonl, line 1'],
  ])('a line with %s is named by its number, and nothing is printed', async (_name, text, message) => {
    const { status, stdout, stderr } = await run('score', '--model', 'tiny', ...(await put('bad.jsonl', text)));
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(message);
  });

  test('a missing file and a missing model are named', async () => {
    expect(await run('score', '--model', 'tiny', '--input', 'none.jsonl')).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringContaining('none.jsonl'),
    });
    expect(await run('score', '--model', 'none', ...(await put('texts.jsonl', lines)))).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringContaining('none'),
    });
  });

  test('an empty file gives nothing, and a text longer than the context is refused', async () => {
    expect(await run('score', '--model', 'tiny', ...(await put('empty.jsonl', '')))).toMatchObject({
      status: 0,
      stdout: '',
    });
    // A blank line counts as a line.
    const long = `{"text":"x"}\n\n${JSON.stringify({ text: 'x y '.repeat(100) })}\n`;
    expect(await run('score', '--model', 'tiny', ...(await put('long.jsonl', long)))).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(
        /long\.jsonl, line 3: expected at most 128 tokens \(the model's context\), got \d+/,
      ),
    });
  });

  test('no tensor is left over', async () => {
    await put('texts.jsonl', lines);
    for (const name of ['tiny', 'reward']) {
      await json('score', '--model', name, '--input', 'texts.jsonl');
      const before = tf.memory().numTensors;
      await json('score', '--model', name, '--input', 'texts.jsonl');
      expect(tf.memory().numTensors).toBe(before);
    }
  });
});
