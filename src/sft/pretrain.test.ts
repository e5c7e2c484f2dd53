import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadModel } from '../model/model.ts';
import { loadTokenizer } from '../tokens/tokenizer.ts';
import { makeTinyJob, type TinyJob } from '../training/testing/tinyJob.ts';
import { PretrainConfig, TokenizerConfig } from './config.ts';
import { pretrain } from './pretrain.ts';
import { trainTokenizer } from './tokenizer.ts';

let tiny: TinyJob;
const TEXT = Array.from({ length: 12 }, (_, i) => `The ${i % 2 ? 'cat' : 'dog'} sat on the mat and looked.`).join(
  '\n\n',
);

beforeAll(async () => {
  tiny = await makeTinyJob();
  await writeFile(join(tiny.dir, 'text.txt'), TEXT);
});
afterAll(() => tiny.remove());

const tokenizerOf = () =>
  trainTokenizer(tiny.workspace, TokenizerConfig.parse({ texts: ['text.txt'], vocabSize: 280 }), tiny.path);

const configOf = (tokenizer: string, change: Record<string, unknown> = {}) =>
  PretrainConfig.parse({
    ...{ tokenizer, texts: ['text.txt'], hidden: 16, layers: 1, heads: 2, kvHeads: 1, intermediate: 32 },
    ...{ maxPositions: 32, blockLength: 16, epochs: 4, batchSize: 8, learningRate: 0.02, seed: 4, checkpointEvery: 1 },
    ...change,
  });

test('a tokenizer is kept with its sources, and reads its text back', async () => {
  const artifact = await tokenizerOf();
  expect(artifact).toMatchObject({ kind: 'tokenizer', engine: null, metrics: { documents: 12 } });
  expect(artifact.config).toMatchObject({ sources: { 'text.txt': expect.stringMatching(/^[0-9a-f]{64}$/) } });
  const tokenizer = await loadTokenizer(tiny.workspace.artifacts.dir(artifact));
  expect(tokenizer.vocabSize).toBe(artifact.metrics.vocabSize);
  const ids = tokenizer.encode('The cat sat ☃', { addSpecialTokens: false });
  expect(tokenizer.decode(ids)).toBe('The cat sat ☃');
  // Two trainings of one text are one tokenizer.
  const again = await loadTokenizer(tiny.workspace.artifacts.dir(await tokenizerOf()));
  expect(again.contract).toBe(tokenizer.contract);
});

test('a base model learns its text, from a tokenizer of the workspace or of a folder', async () => {
  const tokenizer = await tokenizerOf();
  const model = await pretrain(tiny, configOf(tokenizer.id));
  expect(model).toMatchObject({ role: 'base', parents: [tokenizer.id], engine: 'wasm' });
  const run = await tiny.workspace.runs.open(String(model.runId));
  const losses = (await run.metrics.read()).map(({ loss }) => Number(loss));
  expect(losses.at(-1)).toBeLessThan((losses[0] ?? 0) - 1);
  const loaded = await loadModel(tiny.workspace.artifacts.dir(model), 'causal-lm');
  expect(loaded.config).toMatchObject({ hidden: 16, headDim: 8, vocab: tokenizer.metrics.vocabSize, maxPositions: 32 });
  loaded.dispose();
  const other = await pretrain(tiny, configOf(tiny.workspace.artifacts.dir(tokenizer), { epochs: 1 }));
  expect(other.parents).toEqual([]);
});

test('stopped and resumed is bitwise as if never stopped', async () => {
  const tokenizer = await tokenizerOf();
  const weights = async (model: Awaited<ReturnType<typeof pretrain>>) =>
    readFile(join(tiny.workspace.artifacts.dir(model), 'model.safetensors'));
  const straight = await weights(await pretrain(tiny, configOf(tokenizer.id)));
  await expect(pretrain(tiny.stoppingAt(3), configOf(tokenizer.id))).rejects.toMatchObject({ code: 'interrupted' });
  const resume = (await tiny.workspace.runs.list()).at(-1);
  const resumed = await weights(await pretrain(tiny, configOf(tokenizer.id, { resume })));
  expect(resumed.equals(straight)).toBe(true);
});

test.each([
  [{ hidden: 20, heads: 3, kvHeads: 1 }, '--hidden'],
  [{ hidden: 10, heads: 2 }, '--hidden'],
  [{ heads: 4, kvHeads: 3 }, '--kv-heads'],
  [{ blockLength: 64 }, '--block-length'],
])('widths that do not go together are refused: %j', async (change, option) => {
  const tokenizer = await tokenizerOf();
  await expect(pretrain(tiny, configOf(tokenizer.id, change))).rejects.toMatchObject({
    code: 'bad-option',
    message: expect.stringContaining(option),
  });
});

test('an unknown tokenizer is named', async () => {
  await expect(pretrain(tiny, configOf('tokenizer-99'))).rejects.toMatchObject({
    code: 'not-found',
    message: expect.stringContaining('tokenizer-99'),
  });
  await expect(pretrain(tiny, configOf('./nowhere'))).rejects.toMatchObject({ code: 'not-found' });
});
