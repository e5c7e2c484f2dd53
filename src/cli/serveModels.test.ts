import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startEngine } from '../engine/backend.ts';
import { makeTinyModel } from '../model/testing/tinyModel.ts';
import { FakeProcess, type Harness, makeHarness, type Outcome } from './testing/harness.ts';

let harness: Harness;
beforeAll(async () => {
  await startEngine({ backend: 'wasm' });
  harness = await makeHarness();
  await makeTinyModel(join(harness.cwd, 'tiny'), { seed: 3 });
  // The judge's prompt is long.
  await makeTinyModel(join(harness.cwd, 'long'), { seed: 4, config: { maxPositions: 2048 } });
});
afterAll(() => harness.remove());

/** Starts `fourfold serve --model` in process; `stop` is Ctrl-C. */
async function serve(
  words: string[],
  env: Record<string, string> = {},
): Promise<{ url: string; stop(): Promise<Outcome> }> {
  const interrupts = new FakeProcess();
  let told = () => {};
  const isTold = new Promise<void>((resolve) => {
    told = resolve;
  });
  let line = '';
  const outcome = harness.run(['serve', '--port', '0', '--backend', 'wasm', '--json', ...words], {
    env,
    process: interrupts,
    onOutput: (text) => {
      line += text;
      told();
    },
  });
  await Promise.race([isTold, outcome]);
  if (line === '') throw new Error((await outcome).stderr);
  return {
    url: JSON.parse(line).url,
    stop() {
      interrupts.emit('SIGINT');
      return outcome;
    },
  };
}

test('candidates and a judge by the models that fourfold serves itself', async () => {
  const { url, stop } = await serve(['--model', 'tiny', '--model', 'judge=long']);
  await writeFile(
    join(harness.cwd, 'prompts.jsonl'),
    '{"id":"p1","prompt":"What is it?"}\n{"id":"p2","prompt":"Why?"}\n',
  );
  const server = (sample: string) => JSON.stringify({ baseUrl: `${url}/v1`, model: sample });
  const candidates = await harness.run([
    ...['candidates', '--prompts', 'prompts.jsonl', '--models', 'tiny', '--max-new-tokens', '6', '--json'],
    ...['--set', `servers=[${server('judge')}]`],
  ]);
  expect(candidates.stderr).not.toContain('error');
  const set = JSON.parse(candidates.stdout);
  expect(set.versions).toEqual(expect.arrayContaining(['tiny', 'judge']));
  const judged = await harness.run([
    ...[
      'judge',
      '--judge',
      'openai',
      '--model',
      'judge',
      '--base-url',
      `${url}/v1`,
      '--response-format',
      'json-object',
    ],
    ...['--max-output-tokens', '16', '--max-retries', '0', '--json'],
  ]);
  // The random model answers, but writes no verdict: missing, not invented.
  expect(judged.stderr).not.toContain('error:');
  const log = await readFile(join(harness.cwd, 'data', 'workspace', 'judgements', `${set.id}.jsonl`), 'utf8');
  const reasons = log
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).comparison);
  const missing = { kind: 'missing', reason: 'the answer ended before its verdict (length)' };
  expect(reasons).toEqual([missing, missing]);
  expect((await stop()).status).toBe(0);
});

test('names must differ, and options of the labeling page are refused', async () => {
  const twice = await harness.run(['serve', '--model', 'tiny', '--model', 'tiny']);
  expect(twice.stderr).toContain('two models are called tiny');
  expect((await harness.run(['serve', '--model', 'tiny', '--candidate-set', 'x'])).stderr).toContain('--candidate-set');
  expect((await harness.run(['serve', '--max-batch', '3'])).stderr).toContain('--max-batch');
  const remote = await harness.run(['serve', '--model', 'tiny', '--host', '0.0.0.0', '--allow-remote']);
  expect(remote.stderr).toContain('FOURFOLD_API_KEY');
});

describe('chat', () => {
  const chat = (input: string, words: string[] = []) =>
    harness.run(['chat', '--model', 'tiny', '--max-new-tokens', '5', '--seed', '3', '--backend', 'wasm', ...words], {
      input,
    });

  test('lines from a pipe get replies, with the pace beside them', async () => {
    const { status, stdout, stderr } = await chat('What is it?\nWhy?\n');
    expect(status).toBe(0);
    expect(stderr.match(/\[\d+ tokens, [\d.]+ tokens\/s/g)).toHaveLength(2);
    expect(stdout.length).toBeGreaterThan(2);
    const again = await chat('What is it?\nWhy?\n');
    expect(again.stdout).toBe(stdout);
  });

  test('the history goes into the next reply; /reset and /system begin anew', async () => {
    const replies = async (input: string) =>
      (await chat(input, ['--json'])).stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
    const [first, second] = await replies('abc\nabc\n');
    expect(second.promptTokens).toBeGreaterThan(first.promptTokens + first.tokens);
    const texts = (await replies('abc\n/reset\nabc\n')).map(({ text }) => text);
    expect(texts).toEqual([first.text, first.text]);
    const [, other] = await replies('abc\n/system Be very short.\nabc\n');
    expect(other.promptTokens).toBeGreaterThan(first.promptTokens);
    expect(other.text).not.toBe(first.text);
  });

  test('/save keeps the conversation as a prompt with a demonstration', async () => {
    const { stderr } = await chat('/save early.jsonl\nWhat is it?\n/save kept.jsonl\n/quit\nnever\n', [
      '--system',
      'Be kind.',
    ]);
    expect(stderr).toContain('There is no reply to save yet');
    const saved = JSON.parse(await readFile(join(harness.cwd, 'kept.jsonl'), 'utf8'));
    expect(saved.messages).toEqual([
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: 'What is it?' },
    ]);
    const prompts = await harness.run(['prompts', 'import', 'kept.jsonl']);
    expect(prompts.status).toBe(0);
  });

  test('a line over the context is told, and the conversation goes on', async () => {
    const { stdout, stderr, status } = await chat(`${'x '.repeat(200)}\nabc\n`, ['--json']);
    expect(stderr).toContain('begin anew: /reset');
    expect(stdout.trim().split('\n')).toHaveLength(1);
    expect(status).toBe(0);
  });
});
