import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toJsonl } from '../core/jsonl.ts';
import * as tf from '../engine/tf.ts';
import { loadModel } from '../model/model.ts';
import { sequenceLogProbs } from '../model/score.ts';
import { makeTinyModel } from '../model/testing/tinyModel.ts';
import type { Job } from '../store/job.ts';
import { resolvePrompts } from '../store/references.ts';
import { loadTokenizer } from '../tokens/tokenizer.ts';
import { examplesOfStep } from '../training/supervised.ts';
import { makeTinyJob, type TinyJob } from '../training/testing/tinyJob.ts';
import { SftConfig } from './config.ts';
import { demonstrationExamples, splitExamples } from './examples.ts';
import { finetune } from './sft.ts';

let tiny: TinyJob;
const WORDS = ['red', 'blue', 'green', 'gold', 'grey', 'pink'];
const LINES = WORDS.map((word, i) => ({
  id: `p-${i}`,
  prompt: `Say ${word}.`,
  demonstration: `It is ${word}${'!'.repeat(i)}`,
}));

beforeAll(async () => {
  tiny = await makeTinyJob();
  await makeTinyModel(join(tiny.dir, 'base'), { seed: 3 });
  await writeFile(join(tiny.dir, 'prompts.jsonl'), toJsonl(LINES));
});
afterAll(() => tiny.remove());

const configOf = (change: Partial<SftConfig> = {}) =>
  SftConfig.parse({
    model: 'base',
    prompts: 'prompts.jsonl',
    epochs: 2,
    batchSize: 2,
    learningRate: 5e-3,
    validationFraction: 0,
    checkpointEvery: 2,
    seed: 11,
    ...change,
  });
const weightsOf = (dir: string) => readFile(join(dir, 'model.safetensors'));
const dirOf = (model: Awaited<ReturnType<typeof finetune>>[number] | undefined) =>
  model === undefined ? '' : tiny.workspace.artifacts.dir(model);
const runOf = async () => (await tiny.workspace.runs.list()).at(-1) ?? '';

/** Stops once a version of the step is kept or the step's metrics are there. */
const stopped = async (job: Job, config: SftConfig) => {
  await expect(finetune(job, config)).rejects.toMatchObject({ code: 'interrupted' });
  return runOf();
};

test('the loss is the mean of -log p over the tokens of the demonstrations, summed by hand', async () => {
  await finetune(tiny, configOf({ epochs: 1, batchSize: 4 }));
  const run = await tiny.workspace.runs.open(await runOf());
  const [line] = await run.metrics.read();
  // The first step's loss is the untouched base model's, over the first four examples of the epoch.
  const model = await loadModel(join(tiny.dir, 'base'), 'causal-lm');
  const tokenizer = await loadTokenizer(join(tiny.dir, 'base'));
  const { prompts } = await resolvePrompts(tiny.workspace, 'prompts.jsonl', tiny.path);
  const { training } = splitExamples(demonstrationExamples(prompts, tokenizer, 128).examples, 0, 11);
  const batch = examplesOfStep(training, { batchSize: 4, seed: 11, step: 0 });
  // One sequence at a time, so that no padding is involved.
  const results = await sequenceLogProbs(model, batch, { batchSize: 1 });
  const tokens = results.reduce((sum, result) => sum + result.tokens, 0);
  const byHand = -results.reduce((sum, result) => sum + result.logProb, 0) / tokens;
  expect(line?.loss).toBeCloseTo(byHand, 5);
  // A random model of 320 entries knows next to nothing: ln 320 = 5.77.
  expect(byHand).toBeCloseTo(Math.log(320), 1);
  model.dispose();
});

test('gradient accumulation gives the same model, to rounding', async () => {
  const load = async (change: Partial<SftConfig>) => {
    const [kept] = await finetune(tiny, configOf({ epochs: 1, batchSize: 3, ...change }));
    const bytes = await weightsOf(dirOf(kept));
    const start = 8 + Number(bytes.readBigUInt64LE(0));
    return new Float32Array(bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + bytes.length));
  };
  const [whole, parts] = [await load({}), await load({ gradientAccumulation: 3 })];
  expect(parts).toHaveLength(whole.length);
  const furthest = whole.reduce((worst, value, i) => Math.max(worst, Math.abs(value - (parts[i] ?? Number.NaN))), 0);
  // AdamW's first steps have the size of the learning rate (5e-3), and rounding may turn a gradient near 0 around.
  expect(furthest).toBeLessThan(2e-3);
});

test('versions are kept at their steps, with card and parents; the loss falls', async () => {
  const versions = await finetune(tiny, configOf({ keepAtSteps: [1, 4], epochs: 5, learningRate: 0.02 }));
  // 6 examples in batches of 2, 5 times: 15 steps.
  expect(versions.map(({ metrics }) => metrics.step)).toEqual([1, 4, 15]);
  const [first, , last] = versions;
  expect(last?.metrics.loss).toBeLessThan(Number(first?.metrics.loss) - 1);
  const promptSet = tiny.workspace.artifacts.latest('prompt-set');
  expect(last).toMatchObject({
    kind: 'model',
    role: 'sft',
    engine: 'wasm',
    seed: 11,
    round: 1,
    parents: [promptSet?.id],
  });
  const { contract } = await loadTokenizer(join(tiny.dir, 'base'));
  expect(last?.config).toMatchObject({ model: 'base', epochs: 5, contract, examples: 6, tooLong: 0 });
  expect((await loadTokenizer(dirOf(last))).contract).toBe(contract);
  expect((await weightsOf(dirOf(first))).equals(await weightsOf(dirOf(last)))).toBe(false);
});

test('stopped and resumed is bitwise as if never stopped, and no version is kept twice', async () => {
  const config = configOf({ keepAtSteps: [2, 5], epochs: 3, validationFraction: 0.2, validateEvery: 2 });
  const straight = await finetune(tiny, config);
  const id = await stopped(tiny.stoppingAt(5), config);
  // Steps 2 and 5 are kept; go on from an older checkpoint, so that step 5 is done a second time.
  const run = await tiny.workspace.runs.open(id);
  expect((await run.latestCheckpoint())?.step).toBe(5);
  await rm((await run.latestCheckpoint())?.dir ?? '', { recursive: true });
  expect((await run.latestCheckpoint())?.step).toBe(4);
  const resumed = await finetune(tiny, { ...config, resume: id });
  expect(resumed.map(({ metrics }) => metrics)).toEqual(straight.map(({ metrics }) => metrics));
  for (const [i, version] of straight.entries()) {
    expect((await weightsOf(dirOf(version))).equals(await weightsOf(dirOf(resumed[i])))).toBe(true);
  }
  const lines = await run.metrics.read();
  const straightRun = await tiny.workspace.runs.open(String(straight[0]?.runId));
  expect(lines).toEqual(await straightRun.metrics.read());
  // Once more, when all is done: nothing new.
  expect(await finetune(tiny, { ...config, resume: id })).toEqual(resumed);
});

test('no tensor is left over, also when it fails', async () => {
  const before = tf.memory().numTensors;
  await finetune(tiny, configOf({ epochs: 1 }));
  expect(tf.memory().numTensors).toBe(before);
  await stopped(tiny.stoppingAt(1), configOf());
  expect(tf.memory().numTensors).toBe(before);
});

test('what cannot be trained on is named', async () => {
  await expect(finetune(tiny, configOf({ model: 'nowhere' }))).rejects.toMatchObject({
    code: 'not-found',
    message: expect.stringContaining('nowhere'),
  });
  await expect(finetune(tiny, configOf({ maxLength: 2 }))).rejects.toMatchObject({ code: 'bad-input' });
  expect(tiny.notes.at(-1)).toBe('6 demonstrations are longer than 2 tokens and are left out');
  await makeTinyModel(join(tiny.dir, 'scalar'), { seed: 1, head: 'scalar' });
  await expect(finetune(tiny, configOf({ model: 'scalar' }))).rejects.toMatchObject({ code: 'bad-model' });
  await writeFile(join(tiny.dir, 'bad.jsonl'), '{"id":"a","prompt":"x"}\n{"id":"a b","prompt":"x"}\n');
  await expect(finetune(tiny, configOf({ prompts: 'bad.jsonl' }))).rejects.toMatchObject({
    code: 'bad-input',
    message: expect.stringContaining('bad.jsonl, line 2'),
  });
});
