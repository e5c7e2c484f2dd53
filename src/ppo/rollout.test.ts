import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEngine } from '../engine/backend.ts';
import * as tf from '../engine/tf.ts';
import { loadModel, type Model } from '../model/model.ts';
import { scoreSequences, sequenceLogProbs } from '../model/score.ts';
import { makeTinyModel } from '../model/testing/tinyModel.ts';
import { PpoConfig } from './config.ts';
import { type RolloutModels, rollOut } from './rollout.ts';

let dir: string;
let models: RolloutModels;
beforeAll(async () => {
  await startEngine({ backend: 'wasm' });
  dir = await mkdtemp(join(tmpdir(), 'fourfold-rollout-'));
  const make = async (name: string, seed: number, head: Model['head']) => {
    await makeTinyModel(join(dir, name), { seed, head });
    return loadModel(join(dir, name), head);
  };
  models = {
    policy: await make('policy', 1, 'causal-lm'),
    reference: await make('reference', 2, 'causal-lm'),
    value: await make('value', 3, 'scalar'),
    reward: await make('reward', 4, 'scalar'),
  };
});
afterAll(async () => {
  for (const model of Object.values(models)) model.dispose();
  await rm(dir, { recursive: true, force: true });
});

const PROMPTS = [
  { id: 'a', ids: [0, 3, 50, 1, 4] },
  { id: 'b', ids: [0, 3, 60, 70, 80, 90, 100, 1, 4] },
  { id: 'c', ids: [0, 3, 1, 4] },
];
const draw = (change: { prompts?: typeof PROMPTS; iteration?: number; config?: Record<string, unknown> } = {}) => {
  const { prompts = PROMPTS, iteration = 0, config = {} } = change;
  const base = { model: 'm', rewardModel: 'r', prompts: 'p', maxNewTokens: 7, temperature: 0.8, seed: 5 };
  return rollOut(models, prompts, { config: PpoConfig.parse({ ...base, ...config }), iteration, stopIds: [1] });
};

test('every figure is that of its model, token by token', async () => {
  const before = tf.memory().numTensors;
  const episodes = await draw();
  expect(tf.memory().numTensors).toBe(before);
  for (const [i, episode] of episodes.entries()) {
    const { sequence, logProbs, refLogProbs, values, entropy } = episode;
    const prompt = PROMPTS[i]?.ids ?? [];
    const tokens = sequence.ids.length - prompt.length;
    expect(sequence.ids.slice(0, prompt.length)).toEqual(prompt);
    expect(sequence.isResponseToken).toEqual(sequence.ids.map((_, t) => t >= prompt.length));
    for (const row of [logProbs, refLogProbs, values, entropy]) expect(row).toHaveLength(tokens);
    expect(episode.finishReason).toBe(sequence.ids.at(-1) === 1 ? 'stop' : 'length');
    const sum = (row: number[]) => row.reduce((total, value) => total + value, 0);
    // Alone, without padding, and at the roll-out's temperature.
    const [mine] = await sequenceLogProbs(models.policy, [sequence], { batchSize: 1, temperature: 0.8 });
    const [theirs] = await sequenceLogProbs(models.reference, [sequence], { batchSize: 1, temperature: 0.8 });
    expect(sum(logProbs)).toBeCloseTo(mine?.logProb ?? Number.NaN, 5);
    expect(sum(refLogProbs)).toBeCloseTo(theirs?.logProb ?? Number.NaN, 5);
    expect(episode.reward).toBe((await scoreSequences(models.reward, [sequence], 1))[0]);
    // The value before the last token is what the critic reads where the sequence without it ends.
    const shorter = {
      ids: sequence.ids.slice(0, -1),
      isResponseToken: sequence.isResponseToken.slice(0, -1),
    };
    expect(values.at(-1)).toBeCloseTo((await scoreSequences(models.value, [shorter], 1))[0] ?? Number.NaN, 5);
    // Between 0 and ln 320.
    expect(entropy.every((nats) => nats > 0 && nats < Math.log(320))).toBe(true);
  }
});

test("a prompt's reply depends on seed, iteration and prompt alone, bitwise", async () => {
  const straight = await draw();
  const turned = await draw({ prompts: [...PROMPTS].reverse(), config: { forwardBatchSize: 1 } });
  expect([...turned].reverse()).toEqual(straight);
  const [alone] = await draw({ prompts: PROMPTS.slice(1, 2) });
  expect(alone).toEqual(straight[1]);
  const tokens = (episodes: Awaited<ReturnType<typeof draw>>) => episodes.map(({ sequence }) => sequence.ids);
  expect(tokens(await draw({ iteration: 1 }))).not.toEqual(tokens(straight));
  expect(tokens(await draw({ config: { seed: 6 } }))).not.toEqual(tokens(straight));
});
