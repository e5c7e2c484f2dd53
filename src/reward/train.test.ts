import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactOf } from '../core/artifacts.ts';
import type { ArtifactId } from '../core/ids.ts';
import { toJsonl } from '../core/jsonl.ts';
import * as tf from '../engine/tf.ts';
import { loadModel } from '../model/model.ts';
import { scoreSequences } from '../model/score.ts';
import { makeTinyModel } from '../model/testing/tinyModel.ts';
import { renderReply } from '../tokens/rendering.ts';
import { loadTokenizer } from '../tokens/tokenizer.ts';
import { makeTinyJob, type TinyJob } from '../training/testing/tinyJob.ts';
import { RewardConfig } from './config.ts';
import { trainReward } from './train.ts';

let tiny: TinyJob;
beforeAll(async () => {
  tiny = await makeTinyJob();
  await makeTinyModel(join(tiny.dir, 'start'), { seed: 6, vocabSize: 300, config: { layers: 1 } });
});
afterAll(() => tiny.remove());

const card = { seed: 0, config: {}, engine: null, round: 2, runId: null, metrics: {} };
const PAIRS = 40;
const replyOf = (words: number, i: number) => Array.from({ length: words }, (_, w) => 'abcd'[(w + i) % 4]).join(' ');

/** A pair set in which the longer reply is chosen: six to eight words over one or two. */
async function makePairSet(change: { heldOut?: number; strayPrompt?: boolean } = {}): Promise<ArtifactOf<'pair-set'>> {
  const { heldOut = 10, strayPrompt = false } = change;
  const items = Array.from({ length: PAIRS }, (_, i) => ({
    promptId: `p-${i}`,
    long: { id: `c-${i}-long`, text: replyOf(6 + (i % 3), i) },
    short: { id: `c-${i}-short`, text: replyOf(1 + (i % 2), i) },
  }));
  const candidate = { model: 'm', sampleIndex: 0, seed: 0, finishReason: 'stop' };
  const sampling = { temperature: 1, topK: 0, topP: 1, maxNewTokens: 9 };
  const set = await tiny.workspace.artifacts.create<'candidate-set'>(
    { ...card, kind: 'candidate-set', parents: [], versions: ['m'] },
    async (dir) => {
      const prompts = items.map(({ promptId }) => ({ id: promptId, messages: [{ role: 'user', content: 'Go' }] }));
      await writeFile(join(dir, 'prompts.jsonl'), toJsonl(strayPrompt ? prompts.slice(1) : prompts));
      const candidates = items.flatMap(({ promptId, long, short }) =>
        [long, short].map(({ id, text }) => ({ ...candidate, sampling, id, promptId, text })),
      );
      await writeFile(join(dir, 'candidates.jsonl'), toJsonl(candidates));
    },
  );
  return tiny.workspace.artifacts.create<'pair-set'>(
    { ...card, kind: 'pair-set', parents: [set.id], sources: [] },
    async (dir) => {
      const pairs = items.map(({ promptId, long, short }, i) => ({
        id: `pair-${i}`,
        promptId,
        split: i < heldOut ? 'heldout' : 'train',
        ...{ chosenId: long.id, chosen: long.text, rejectedId: short.id, rejected: short.text },
        ...{ softLabel: 1, margin: 0.5 },
        provenance: { judgementIds: [], preferences: {}, models: { chosen: 'm', rejected: 'm' } },
      }));
      await writeFile(join(dir, 'pairs.jsonl'), toJsonl(pairs));
    },
  );
}

const configOf = (pairs: ArtifactId, change: Record<string, unknown> = {}) =>
  RewardConfig.parse({
    ...{ model: 'start', pairs, epochs: 6, batchSize: 10, learningRate: 0.01, seed: 2, checkpointEvery: 2 },
    ...change,
  });
const weightsOf = (model: ArtifactOf<'reward-model'>) =>
  readFile(join(tiny.workspace.artifacts.dir(model), 'model.safetensors'));

test('where longer replies are chosen, it learns to tell them, and its card says from what', async () => {
  const pairSet = await makePairSet();
  const before = tf.memory().numTensors;
  const model = await trainReward(tiny, configOf(pairSet.id));
  expect(tf.memory().numTensors).toBe(before);
  const { contract } = await loadTokenizer(join(tiny.dir, 'start'));
  expect(model).toMatchObject({
    kind: 'reward-model',
    parents: [pairSet.id],
    round: 2,
    engine: 'wasm',
    seed: 2,
    config: { model: 'start', epochs: 6, contract },
  });
  expect(model.metrics).toMatchObject({ trainPairs: 30, heldOutPairs: 10, lengthBaseline: 1 });
  expect(model.metrics.accuracy).toBeGreaterThan(0.9);
  expect(model.metrics.accuracyHigh).toBeGreaterThanOrEqual(Number(model.metrics.accuracy));
  const run = await tiny.workspace.runs.open(String(model.runId));
  const lines = await run.metrics.read();
  // The head starts at 0: every first loss is ln 2.
  expect(lines[0]?.loss).toBeCloseTo(Math.LN2, 5);
  expect(lines.at(-1)).toMatchObject({ step: 18, accuracy: model.metrics.accuracy, lengthBaseline: 1 });

  // The kept model is what was measured: its mean over the training replies is the card's.
  const dir = tiny.workspace.artifacts.dir(model);
  const [loaded, tokenizer] = [await loadModel(dir, 'scalar'), await loadTokenizer(dir)];
  const sequences = Array.from({ length: PAIRS - 10 }, (_, k) => k + 10).flatMap((i) =>
    [replyOf(6 + (i % 3), i), replyOf(1 + (i % 2), i)].map((text) =>
      renderReply(tokenizer, [{ role: 'user', content: 'Go' }], text),
    ),
  );
  const rewards = await scoreSequences(loaded, sequences, 7);
  const mean = rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
  expect(model.metrics.rewardMean).toBeCloseTo(mean, 4);
  const variance = rewards.reduce((sum, reward) => sum + (reward - mean) ** 2, 0) / (rewards.length - 1);
  expect(model.metrics.rewardDeviation).toBeCloseTo(Math.sqrt(variance), 4);
  loaded.dispose();
});

test('margins enter where asked: the first loss is ln(1 + e^½)', async () => {
  const pairSet = await makePairSet();
  const model = await trainReward(tiny, configOf(pairSet.id, { useMargin: true, epochs: 0.3 }));
  const run = await tiny.workspace.runs.open(String(model.runId));
  expect((await run.metrics.read())[0]?.loss).toBeCloseTo(Math.log(1 + Math.exp(0.5)), 5);
});

test('stopped and resumed is bitwise as if never stopped', async () => {
  const config = configOf((await makePairSet()).id, { epochs: 2, gradientAccumulation: 2 });
  const straight = await trainReward(tiny, config);
  await expect(trainReward(tiny.stoppingAt(3), config)).rejects.toMatchObject({ code: 'interrupted' });
  const resume = (await tiny.workspace.runs.list()).at(-1);
  const resumed = await trainReward(tiny, { ...config, resume });
  expect((await weightsOf(resumed)).equals(await weightsOf(straight))).toBe(true);
  expect(resumed.metrics).toEqual(straight.metrics);
  // Once more, when all is done: nothing new.
  expect(await trainReward(tiny, { ...config, resume })).toEqual(resumed);
});

test('stopped while the trained model is being measured, it goes on without training again', async () => {
  const config = configOf((await makePairSet()).id, { checkpointEvery: 0 });
  const straight = await trainReward(tiny, config);
  const last = (await (await tiny.workspace.runs.open(String(straight.runId))).metrics.read()).length;
  await expect(trainReward(tiny.stoppingAt(last), config)).rejects.toMatchObject({
    code: 'interrupted',
    message: expect.stringMatching(new RegExp(`after step ${last} of ${last}; go on with --resume reward-run-`)),
  });
  const run = await tiny.workspace.runs.open((await tiny.workspace.runs.list()).at(-1) ?? '');
  expect((await run.latestCheckpoint())?.step).toBe(last);
  const resumed = await trainReward(tiny, { ...config, resume: run.id });
  expect((await weightsOf(resumed)).equals(await weightsOf(straight))).toBe(true);
  expect(resumed.metrics).toEqual(straight.metrics);
});

test('without held-out pairs there is no accuracy, and pairs that do not fit are left out and counted', async () => {
  const { id } = await makePairSet({ heldOut: 0 });
  const model = await trainReward(tiny, configOf(id, { epochs: 0.3 }));
  expect(model.metrics).toMatchObject({ trainPairs: 40, heldOutPairs: 0 });
  expect('accuracy' in model.metrics).toBe(false);
  const tokenizer = await loadTokenizer(join(tiny.dir, 'start'));
  const lengths = Array.from(
    { length: PAIRS },
    (_, i) => renderReply(tokenizer, [{ role: 'user', content: 'Go' }], replyOf(6 + (i % 3), i)).ids.length,
  );
  const maxLength = Math.max(...lengths) - 1;
  const fitting = lengths.filter((length) => length <= maxLength).length;
  const cut = await trainReward(tiny, configOf(id, { epochs: 0.3, maxLength }));
  expect(cut.metrics.trainPairs).toBe(fitting);
  expect(tiny.notes.at(-1)).toBe(`${PAIRS - fitting} pairs are longer than ${maxLength} tokens and are left out`);
  await expect(trainReward(tiny, configOf(id, { maxLength: 2 }))).rejects.toMatchObject({ code: 'bad-input' });
});

test('what cannot be trained on is named', async () => {
  const stray = await makePairSet({ strayPrompt: true });
  await expect(trainReward(tiny, configOf(stray.id))).rejects.toMatchObject({
    code: 'bad-input',
    message: expect.stringMatching(/pair-0.* p-0 /),
  });
  await expect(trainReward(tiny, configOf('pair-set-99' as ArtifactId))).rejects.toMatchObject({
    code: 'not-found',
    message: expect.stringContaining('pair-set-99'),
  });
  const empty = await makeTinyJob();
  await expect(trainReward(empty, RewardConfig.parse({ model: join(tiny.dir, 'start') }))).rejects.toMatchObject({
    code: 'not-found',
    message: expect.stringContaining('fourfold pairs'),
  });
  await empty.remove();
});
