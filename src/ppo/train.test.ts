import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactOf } from '../core/artifacts.ts';
import { toJsonl } from '../core/jsonl.ts';
import * as tf from '../engine/tf.ts';
import { loadModel, saveModel } from '../model/model.ts';
import { embeddingName, SCORE_HEAD } from '../model/parameters.ts';
import { sequenceLogProbs } from '../model/score.ts';
import { makeTinyModel, TINY_TOKENS } from '../model/testing/tinyModel.ts';
import type { Job } from '../store/job.ts';
import { renderPrompt } from '../tokens/rendering.ts';
import { loadTokenizer } from '../tokens/tokenizer.ts';
import { makeTinyJob, type TinyJob } from '../training/testing/tinyJob.ts';
import { PpoConfig } from './config.ts';
import { trainPpo } from './train.ts';

let tiny: TinyJob;
const CONFIG = { layers: 1, maxPositions: 48 };
const VOCAB = 300;

beforeAll(async () => {
  tiny = await makeTinyJob();
  await makeTinyModel(join(tiny.dir, 'chat'), { seed: 3, vocabSize: VOCAB, config: CONFIG });
  await makeTinyModel(join(tiny.dir, 'reward'), { seed: 5, vocabSize: VOCAB, config: CONFIG, head: 'scalar' });
  const prompts = ['Go', 'Say it', 'What now, my friend?', 'A b c', 'On and on', 'x', 'Why?', 'Well then'];
  const lines = prompts.map((prompt, i) => ({ id: `p-${i}`, prompt }));
  await writeFile(
    join(tiny.dir, 'prompts.jsonl'),
    toJsonl([...lines, { id: 'h-0', prompt: 'held out', split: 'heldout' }]),
  );
});
afterAll(() => tiny.remove());

const configOf = (change: Record<string, unknown> = {}) =>
  PpoConfig.parse({
    ...{ model: 'chat', rewardModel: 'reward', prompts: 'prompts.jsonl', seed: 7 },
    ...{ iterations: 4, promptsPerIteration: 5, epochs: 2, minibatches: 2, maxNewTokens: 6 },
    ...{ learningRate: 3e-3, checkpointEvery: 1, forwardBatchSize: 3 },
    ...change,
  });
const weightsOf = (model: ArtifactOf<'model'>) =>
  readFile(join(tiny.workspace.artifacts.dir(model), 'model.safetensors'));
const lastRun = async () => (await tiny.workspace.runs.list()).at(-1) ?? '';
const linesOf = async (id: string) => (await tiny.workspace.runs.open(id)).metrics.read();

test('in the first epoch the policy is the one that drew: ratio 1, no divergence, nothing clipped, exactly', async () => {
  await trainPpo(tiny, configOf({ epochs: 1, minibatches: 1, iterations: 3 }));
  const lines = await linesOf(await lastRun());
  expect(lines).toHaveLength(3);
  for (const line of lines) {
    expect(line).toMatchObject({ ratioMax: 1, approxKl: 0, clipFraction: 0 });
    // Whitened advantages have mean 0, and so has the surrogate.
    expect(Math.abs(Number(line.policyLoss))).toBeLessThan(1e-6);
  }
  // The first roll-out is the reference's own; later ones have learned.
  expect(lines[0]?.kl).toBe(0);
  expect(lines[1]?.kl).not.toBe(0);
  // A random model over 300 tokens: ln 300 = 5.70 nats.
  expect(lines[0]?.entropy).toBeCloseTo(Math.log(VOCAB), 1);
});

test('later epochs move away from it', async () => {
  await trainPpo(tiny, configOf({ epochs: 4, iterations: 1, learningRate: 0.02 }));
  const [line] = await linesOf(await lastRun());
  expect(line?.approxKl).toBeGreaterThan(0);
  expect(line?.ratioMax).toBeGreaterThan(1);
});

test('card: parents, contract, figures of the last iteration', async () => {
  const model = await trainPpo(tiny, configOf({ iterations: 2, promptsPerIteration: 99 }));
  const promptSet = tiny.workspace.artifacts.latest('prompt-set');
  const { contract } = await loadTokenizer(join(tiny.dir, 'chat'));
  expect(model).toMatchObject({ kind: 'model', role: 'policy', parents: [promptSet?.id], engine: 'wasm', seed: 7 });
  expect(model.config).toMatchObject({ iterations: 2, contract });
  const lines = await linesOf(String(model.runId));
  expect(model.metrics).toEqual(lines.at(-1));
});

/** A reward model that reads the last token alone and likes those of an even id. */
async function makeTaste(dir: string): Promise<void> {
  await makeTinyModel(dir, { seed: 9, vocabSize: VOCAB, config: CONFIG, head: 'scalar' });
  const model = await loadModel(dir, 'scalar');
  const set = (name: string, of: (index: number, before: number) => number) => {
    const variable = model.parameters.get(name);
    if (variable === undefined) throw new Error(`no ${name}`);
    const values = Float32Array.from(variable.dataSync(), (before, index) => of(index, before));
    variable.assign(tf.tensor(values, variable.shape));
  };
  const hidden = model.config.hidden;
  for (const name of model.parameters.keys()) if (/o_proj|down_proj/.test(name)) set(name, () => 0);
  set(embeddingName(model.config), (i, before) =>
    i % hidden === 0 ? (Math.floor(i / hidden) % 2 === 0 ? 1 : -1) : before,
  );
  set(SCORE_HEAD, (i) => (i === 0 ? 0.25 : 0));
  await saveModel(dir, model, TINY_TOKENS);
  model.dispose();
}

/** Probability that a reply begins with a token of an even id. */
async function evenMass(dir: string): Promise<number> {
  const [model, tokenizer] = [await loadModel(dir, 'causal-lm'), await loadTokenizer(dir)];
  const prompt = renderPrompt(tokenizer, [{ role: 'user', content: 'Go' }]);
  const sequences = Array.from({ length: VOCAB / 2 }, (_, k) => ({
    ids: [...prompt, 2 * k],
    isResponseToken: [...prompt.map(() => false), true],
  }));
  const results = await sequenceLogProbs(model, sequences, { batchSize: 50 });
  model.dispose();
  return results.reduce((sum, { logProb }) => sum + Math.exp(logProb), 0);
}

test('tokens that the reward model likes become more probable, and the reward rises', async () => {
  await makeTaste(join(tiny.dir, 'taste'));
  const many = Array.from({ length: 32 }, (_, i) => ({ id: `m-${i}`, prompt: `Go ${i}` }));
  await writeFile(join(tiny.dir, 'many.jsonl'), toJsonl(many));
  const config = configOf({
    ...{ rewardModel: 'taste', prompts: 'many.jsonl', promptsPerIteration: 32 },
    ...{ maxNewTokens: 1, iterations: 16, learningRate: 0.02, forwardBatchSize: 32 },
    ...{ klCoefficient: 0, missingEndPenalty: 0, minibatches: 1, checkpointEvery: 0 },
  });
  const before = await evenMass(join(tiny.dir, 'chat'));
  expect(before).toBeCloseTo(0.5, 1);
  const model = await trainPpo(tiny, config);
  expect(await evenMass(tiny.workspace.artifacts.dir(model))).toBeGreaterThan(0.8);
  const rewards = (await linesOf(String(model.runId))).map(({ reward }) => Number(reward));
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  expect(mean(rewards.slice(-3))).toBeGreaterThan(mean(rewards.slice(0, 3)) + 0.5);
  // The penalty holds it back.
  const held = await trainPpo(tiny, { ...config, klCoefficient: 20 });
  expect(await evenMass(tiny.workspace.artifacts.dir(held))).toBeLessThan(0.7);
}, 60_000);

describe('stopping and going on', () => {
  // The adaptive penalty is state of its own.
  const ADAPTIVE = { klTarget: 0.01, klHorizon: 20, klCoefficient: 0.1 };

  test.each([1, 3])('stopped after iteration %i and resumed is bitwise as if never stopped', async (iterations) => {
    const straight = await trainPpo(tiny, configOf(ADAPTIVE));
    await expect(trainPpo(tiny.stoppingAt(iterations), configOf(ADAPTIVE))).rejects.toMatchObject({
      code: 'interrupted',
      message: expect.stringMatching(
        `Stopped after iteration ${iterations} of 4; go on with --resume ppo-run-\\d+\\.$`,
      ),
    });
    const id = await lastRun();
    const run = await tiny.workspace.runs.open(id);
    expect((await run.latestCheckpoint())?.step).toBe(iterations);
    const resumed = await trainPpo(tiny, configOf({ ...ADAPTIVE, resume: id }));
    expect((await weightsOf(resumed)).equals(await weightsOf(straight))).toBe(true);
    const lines = await linesOf(id);
    expect(lines).toEqual(await linesOf(String(straight.runId)));
    expect(new Set(lines.map(({ klCoefficient }) => klCoefficient)).size).toBe(4);
    expect(resumed.metrics).toEqual(straight.metrics);
    // Once more, when all is done: nothing new.
    expect(await trainPpo(tiny, configOf({ ...ADAPTIVE, resume: id }))).toEqual(resumed);
    // Policy, critic, all moments, counts and coefficient of the newest checkpoint.
    const [a, b] = [
      await run.latestCheckpoint(),
      await (await tiny.workspace.runs.open(String(straight.runId))).latestCheckpoint(),
    ];
    expect([a?.step, b?.step]).toEqual([3, 3]);
    const names = (await readdir(a?.dir ?? '')).sort();
    expect(names).toHaveLength(5);
    for (const name of names) {
      const [mine, theirs] = [await readFile(join(a?.dir ?? '', name)), await readFile(join(b?.dir ?? '', name))];
      expect(mine.equals(theirs)).toBe(true);
    }
  });

  test('from an older checkpoint no iteration is recorded twice', async () => {
    await expect(trainPpo(tiny.stoppingAt(3), configOf())).rejects.toMatchObject({ code: 'interrupted' });
    const id = await lastRun();
    const run = await tiny.workspace.runs.open(id);
    await rm((await run.latestCheckpoint())?.dir ?? '', { recursive: true });
    await trainPpo(tiny, configOf({ resume: id }));
    expect((await linesOf(id)).map(({ step }) => step)).toEqual([1, 2, 3, 4]);
  });

  test('stopped before the first iteration', async () => {
    const straight = await trainPpo(tiny, configOf({ iterations: 1 }));
    await expect(trainPpo(tiny.stoppingAt(0), configOf({ iterations: 1 }))).rejects.toMatchObject({
      code: 'interrupted',
    });
    const resumed = await trainPpo(tiny, configOf({ iterations: 1, resume: await lastRun() }));
    expect((await weightsOf(resumed)).equals(await weightsOf(straight))).toBe(true);
  });
});

test('the number of tensors stays from iteration to iteration, and none is left at the end', async () => {
  const counts: number[] = [];
  const task = { update: () => void counts.push(tf.memory().numTensors), finish: () => undefined };
  const before = tf.memory().numTensors;
  const job: Job = { ...tiny, progress: { start: () => task, note: () => undefined } };
  await trainPpo(job, configOf());
  expect(counts).toHaveLength(4);
  expect(new Set(counts).size).toBe(1);
  expect(tf.memory().numTensors).toBe(before);
});

describe('what does not go together is refused', () => {
  test('a reward model that reads text otherwise, naming both', async () => {
    await makeTinyModel(join(tiny.dir, 'other'), { seed: 1, vocabSize: 270, config: CONFIG, head: 'scalar' });
    const [mine, theirs] = [await loadTokenizer(join(tiny.dir, 'chat')), await loadTokenizer(join(tiny.dir, 'other'))];
    const message = trainPpo(tiny, configOf({ rewardModel: 'other' })).catch((error: Error) => error.message);
    expect(await message).toMatch(
      new RegExp(`chat has ${mine.contract.slice(0, 12)}, other has ${theirs.contract.slice(0, 12)}`),
    );
    await expect(trainPpo(tiny, configOf({ rewardModel: 'other' }))).rejects.toMatchObject({ code: 'bad-model' });
  });

  test('a language model as the reward model and the other way round, with no tensor left over', async () => {
    const before = tf.memory().numTensors;
    for (const change of [{ rewardModel: 'chat' }, { model: 'reward' }]) {
      await expect(trainPpo(tiny, configOf(change))).rejects.toMatchObject({ code: 'bad-model' });
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  test('prompts that leave no room for a reply are left out and counted; none left is an error', async () => {
    const long = 'word '.repeat(30);
    await writeFile(
      join(tiny.dir, 'long.jsonl'),
      toJsonl([
        { id: 'a', prompt: long },
        { id: 'b', prompt: 'Go' },
      ]),
    );
    await trainPpo(tiny, configOf({ prompts: 'long.jsonl', iterations: 1, promptsPerIteration: 2 }));
    expect(tiny.notes.at(-1)).toBe('1 prompts leave no room for 6 new tokens in 48 and are left out');
    await expect(trainPpo(tiny, configOf({ prompts: 'long.jsonl', maxNewTokens: 47 }))).rejects.toMatchObject({
      code: 'bad-input',
    });
    // Held-out prompts are none to train on.
    await writeFile(join(tiny.dir, 'held.jsonl'), toJsonl([{ id: 'h', prompt: 'Go', split: 'heldout' }]));
    await expect(trainPpo(tiny, configOf({ prompts: 'held.jsonl' }))).rejects.toMatchObject({ code: 'bad-input' });
  });
});
