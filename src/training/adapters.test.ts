// Adapters through the trainers: what is trained, kept, resumed and loaded again.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactOf } from '../core/artifacts.ts';
import { toJsonl } from '../core/jsonl.ts';
import * as tf from '../engine/tf.ts';
import { loadTrainable } from '../model/lora/trainable.ts';
import { loadModel } from '../model/model.ts';
import { openSafetensors } from '../model/safetensors.ts';
import { scoreSequences, sequenceLogProbs } from '../model/score.ts';
import { sharedBases } from '../model/sharedBases.ts';
import { makeTinyModel } from '../model/testing/tinyModel.ts';
import { PpoConfig } from '../ppo/config.ts';
import { trainPpo } from '../ppo/train.ts';
import { SftConfig } from '../sft/config.ts';
import { finetune } from '../sft/sft.ts';
import type { Job } from '../store/job.ts';
import { makeTinyJob, type TinyJob } from './testing/tinyJob.ts';

let tiny: TinyJob;
const SHAPE = { vocabSize: 300, config: { layers: 1, maxPositions: 48 } };
const LORA = { loraRank: 2, loraDropout: 0.2, loraTargets: ['q_proj', 'v_proj', 'down_proj'] };

beforeAll(async () => {
  tiny = await makeTinyJob();
  await makeTinyModel(join(tiny.dir, 'chat'), { seed: 3, ...SHAPE });
  await makeTinyModel(join(tiny.dir, 'reward'), { seed: 5, ...SHAPE, head: 'scalar' });
  const lines = ['Go', 'Say it', 'A b c', 'On', 'x', 'Why?'].map((prompt, i) => ({
    ...{ id: `p-${i}`, prompt, demonstration: `It is ${prompt}` },
  }));
  await writeFile(join(tiny.dir, 'prompts.jsonl'), toJsonl(lines));
});
afterAll(() => tiny.remove());

const sftConfig = (change: Record<string, unknown> = {}) =>
  SftConfig.parse({
    ...{ model: 'chat', prompts: 'prompts.jsonl', epochs: 2, batchSize: 2, learningRate: 1e-2, validationFraction: 0 },
    ...{ checkpointEvery: 2, gradientAccumulation: 2, seed: 11, ...LORA, ...change },
  });
const ppoConfig = (change: Record<string, unknown> = {}) =>
  PpoConfig.parse({
    ...{ model: 'chat', rewardModel: 'reward', prompts: 'prompts.jsonl', seed: 7, ...LORA },
    ...{ iterations: 3, promptsPerIteration: 4, epochs: 2, minibatches: 2, maxNewTokens: 5 },
    ...{ learningRate: 1e-2, checkpointEvery: 1, ...change },
  });
const sft = async (job: Job, change?: Record<string, unknown>) =>
  (await finetune(job, sftConfig(change))).at(-1) as ArtifactOf<'model'>;
const dirOf = (model: ArtifactOf<'model'>) => tiny.workspace.artifacts.dir(model);
const adapterOf = (model: ArtifactOf<'model'>) => readFile(join(dirOf(model), 'adapter_model.safetensors'));
const lastRun = async () => (await tiny.workspace.runs.list()).at(-1) ?? '';
const SEQUENCE = { ids: [5, 17, 3, 88], isResponseToken: [false, true, true, true] };
const logProbOf = async (dir: string) => {
  const model = await loadModel(dir, 'causal-lm');
  const [result] = await sequenceLogProbs(model, [SEQUENCE], { batchSize: 1 });
  model.dispose();
  return result?.logProb;
};

test('sft keeps the adapter alone, which loads with its base; checkpoints hold no more', async () => {
  const before = tf.memory().numTensors;
  const weights = await readFile(join(tiny.dir, 'chat', 'model.safetensors'));
  const model = await sft(tiny);
  expect(tf.memory().numTensors).toBe(before);
  expect(Object.keys(model.files)).toEqual(
    expect.arrayContaining(['adapter_config.json', 'adapter_model.safetensors', 'tokenizer.json']),
  );
  expect(Object.keys(model.files)).not.toContain('model.safetensors');
  expect(await readFile(join(tiny.dir, 'chat', 'model.safetensors'))).toEqual(weights);
  expect(await logProbOf(dirOf(model))).not.toBe(await logProbOf(join(tiny.dir, 'chat')));
  const run = await tiny.workspace.runs.open(await lastRun());
  const checkpoint = (await run.latestCheckpoint())?.dir ?? '';
  const file = await openSafetensors(join(checkpoint, 'model.safetensors'));
  await file.close();
  // A and B of three modules in one layer.
  expect([...file.entries.keys()]).toHaveLength(6);
  expect([...file.entries.keys()].every((name) => name.includes('.lora_'))).toBe(true);
});

test('sft with dropout, stopped and resumed, is bitwise as if never stopped', async () => {
  const straight = await sft(tiny);
  await expect(finetune(tiny.stoppingAt(3), sftConfig())).rejects.toMatchObject({ code: 'interrupted' });
  const resumed = await sft(tiny, { resume: await lastRun() });
  expect((await adapterOf(resumed)).equals(await adapterOf(straight))).toBe(true);
  const otherwise = await sft(tiny, { loraDropout: 0 });
  expect((await adapterOf(otherwise)).equals(await adapterOf(straight))).toBe(false);
});

test.each(['sft', 'ppo'])('%s with --gradient-checkpointing ends in the same bits', async (command) => {
  const train = (change: Record<string, unknown>) =>
    command === 'sft' ? sft(tiny, change) : trainPpo(tiny, ppoConfig(change));
  const [kept, again] = [await train({}), await train({ gradientCheckpointing: true })];
  expect((await adapterOf(again)).equals(await adapterOf(kept))).toBe(true);
});

test('an adapter is trained on by a run that names it, and its artefact names the same base', async () => {
  const first = await sft(tiny);
  const second = await sft(tiny, { model: first.id, loraTargets: undefined });
  expect(second.parents).toContain(first.id);
  const config = JSON.parse(await readFile(join(dirOf(second), 'adapter_config.json'), 'utf8'));
  expect(config.base_model_name_or_path).toBe(join(tiny.dir, 'chat'));
  expect((await adapterOf(second)).equals(await adapterOf(first))).toBe(false);
});

test('ppo trains adapters of policy and critic on bases that it loads once', async () => {
  const before = tf.memory().numTensors;
  const counts: number[] = [];
  const task = { update: () => void counts.push(tf.memory().numTensors), finish: () => undefined };
  const policy = await trainPpo({ ...tiny, progress: { start: () => task, note: () => undefined } }, ppoConfig());
  expect(tf.memory().numTensors).toBe(before);
  expect(new Set(counts).size).toBe(1);
  // Chat 11 tensors and tables 2; reward 12 and 2; an adapter 6 with moments 12; a score head of the critic with moments 3.
  expect((counts[0] ?? 0) - before).toBeLessThan(13 + 14 + 18 + 18 + 3 + 4);
  const lines = await (await tiny.workspace.runs.open(String(policy.runId))).metrics.read();
  // The reference is the base: at first the policy is it.
  expect(lines[0]?.kl).toBe(0);
  expect(lines[1]?.kl).not.toBe(0);
  expect(await logProbOf(dirOf(policy))).not.toBe(await logProbOf(join(tiny.dir, 'chat')));
});

test('ppo from an adapter: the reference has the first adapter, and a resumed run is the same bit for bit', async () => {
  const start = await sft(tiny, { loraDropout: 0 });
  const change = { model: start.id, loraTargets: undefined };
  const straight = await trainPpo(tiny, ppoConfig(change));
  const lines = await (await tiny.workspace.runs.open(String(straight.runId))).metrics.read();
  expect(lines[0]?.kl).toBe(0);
  await expect(trainPpo(tiny.stoppingAt(2), ppoConfig(change))).rejects.toMatchObject({ code: 'interrupted' });
  const id = await lastRun();
  const checkpoint = (await (await tiny.workspace.runs.open(id)).latestCheckpoint())?.dir ?? '';
  expect((await readdir(checkpoint)).sort()).toEqual([
    ...['policy.optimizer.safetensors', 'policy.safetensors', 'state.json'],
    ...['value.optimizer.safetensors', 'value.safetensors'],
  ]);
  const resumed = await trainPpo(tiny, ppoConfig({ ...change, resume: id }));
  expect((await adapterOf(resumed)).equals(await adapterOf(straight))).toBe(true);
});

test('on int8 weights sft and ppo train adapters that load on the float32 base; without an adapter that is refused', async () => {
  const before = tf.memory().numTensors;
  const start = await sft(tiny, { quantize: 'int8' });
  expect(await logProbOf(dirOf(start))).not.toBe(await logProbOf(join(tiny.dir, 'chat')));
  const policy = await trainPpo(tiny, ppoConfig({ quantize: 'int8' }));
  const lines = await (await tiny.workspace.runs.open(String(policy.runId))).metrics.read();
  expect(lines[0]?.kl).toBe(0);
  await expect(sft(tiny, { quantize: 'int8', loraRank: undefined })).rejects.toThrow('Add --lora-rank');
  expect(tf.memory().numTensors).toBe(before);
});

test('a reward model over the base of the policy takes no weights of its own', async () => {
  // A reward adapter on the chat model, by hand of the trainer's own loader.
  const bases = sharedBases();
  const lora = { rank: 2, alpha: null, targets: null, dropout: 0, usesRslora: null };
  const policy = await loadTrainable(join(tiny.dir, 'chat'), { head: 'causal-lm', lora, seed: 1, bases });
  const { numBytes } = tf.memory();
  const reward = await loadTrainable(join(tiny.dir, 'chat'), { head: 'scalar', lora, seed: 2, bases });
  const own = [...reward.trained.values()].reduce((sum, { size }) => sum + 4 * size, 0);
  expect(tf.memory().numBytes - numBytes).toBe(own);
  expect(await scoreSequences(reward, [SEQUENCE], 1)).toEqual([0]);
  for (const model of [policy, reward]) model.dispose();
  bases.dispose();
});
