import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readJsonl, toJsonl } from '../core/jsonl.ts';
import { seedOf } from '../core/random.ts';
import * as tf from '../engine/tf.ts';
import { generate } from '../generate/generate.ts';
import { loadModel } from '../model/model.ts';
import { scoreSequences, sequenceLogProbs } from '../model/score.ts';
import { makeTinyModel } from '../model/testing/tinyModel.ts';
import { renderPrompt } from '../tokens/rendering.ts';
import { loadTokenizer } from '../tokens/tokenizer.ts';
import { makeTinyJob, type TinyJob } from '../training/testing/tinyJob.ts';
import { EvaluateConfig } from './config.ts';
import { EvaluatedReply } from './evaluatedReply.ts';
import { evaluateModel } from './evaluateModel.ts';
import { readEvaluation } from './evaluation.ts';
import { RULE_JUDGE, type UtilityJudge } from './judges.ts';

const QUESTIONS = ['What is red?', 'Tell me of the sea and of the sand.', 'Why?', 'Count to three.'];
let tiny: TinyJob;
beforeAll(async () => {
  tiny = await makeTinyJob();
  await makeTinyModel(join(tiny.dir, 'one'), { seed: 1 });
  await makeTinyModel(join(tiny.dir, 'two'), { seed: 2 });
  await makeTinyModel(join(tiny.dir, 'reward'), { seed: 3, head: 'scalar' });
  await makeTinyModel(join(tiny.dir, 'foreign'), { seed: 4, vocabSize: 290 });
  await makeTinyModel(join(tiny.dir, 'foreign-reward'), { seed: 4, vocabSize: 290, head: 'scalar' });
  const lines = QUESTIONS.map((prompt, i) => ({
    id: `h-${i}`,
    prompt,
    split: 'heldout',
    dimension: i < 2 ? 'reasoning' : 'creation',
  }));
  await writeFile(join(tiny.dir, 'prompts.jsonl'), toJsonl([{ id: 't-0', prompt: 'Train on me' }, ...lines]));
});
afterAll(() => tiny.remove());

const configOf = (change: Record<string, unknown> = {}) =>
  EvaluateConfig.parse({
    ...{ model: 'one', reference: 'two', rewardModel: 'reward', prompts: 'prompts.jsonl' },
    ...{ maxNewTokens: 8, seed: 5 },
    ...change,
  });
/** Longer is better. */
const LENGTH: UtilityJudge = { name: 'length', utility: (_, reply) => reply.text.length };

test('only the split that was asked for is answered, and files and card say the same as the result', async () => {
  const before = tf.memory().numTensors;
  const { artifact, evaluation, prompts, replies } = await evaluateModel(tiny, configOf(), [LENGTH, RULE_JUDGE]);
  expect(tf.memory().numTensors).toBe(before);
  expect(prompts.map(({ id }) => id)).toEqual(['h-0', 'h-1', 'h-2', 'h-3']);
  expect(replies).toHaveLength(8);
  const promptSet = tiny.workspace.artifacts.latest('prompt-set');
  expect(artifact).toMatchObject({ kind: 'evaluation', parents: [promptSet?.id], engine: 'wasm', seed: 5 });
  const dir = tiny.workspace.artifacts.dir(artifact);
  expect(await readEvaluation(join(dir, 'evaluation.json'))).toEqual(evaluation);
  expect(await readJsonl(join(dir, 'samples.jsonl'), EvaluatedReply)).toEqual(replies);
  expect(evaluation).toMatchObject({ model: 'one', reference: 'two', rewardModel: 'reward', prompts: 4 });
  expect(Object.keys(evaluation.winRate)).toEqual(expect.arrayContaining(['length', RULE_JUDGE.name]));
  expect(evaluation.radar?.judge).toBe('length');
  expect(Object.keys(evaluation.radar?.dimensions ?? {}).sort()).toEqual(['creation', 'reasoning']);
  expect(artifact.metrics.kl).toBe(evaluation.kl?.value);
  expect(artifact.metrics.reward).toBe(evaluation.reward?.value);
});

test('rewards and divergence are those of the models, reply by reply', async () => {
  const { evaluation, replies } = await evaluateModel(tiny, configOf({ samplesPerPrompt: 1 }));
  const tokenizer = await loadTokenizer(join(tiny.dir, 'one'));
  // Tokens cannot be read back from text, so each is drawn again by itself.
  const [one, two, reward] = [
    await loadModel(join(tiny.dir, 'one'), 'causal-lm'),
    await loadModel(join(tiny.dir, 'two'), 'causal-lm'),
    await loadModel(join(tiny.dir, 'reward'), 'scalar'),
  ];
  const sampling = { temperature: 1, topK: 0, topP: 1, maxNewTokens: 8 };
  for (const [i, content] of QUESTIONS.entries()) {
    const promptIds = renderPrompt(tokenizer, [{ role: 'user', content }]);
    const request = { promptIds, seed: seedOf(5, 'evaluate', `h-${i}`, 0) };
    const [drawn] = await generate(one, [request], { sampling, stopIds: [tokenizer.eosId ?? -1] });
    const tokenIds = drawn?.tokenIds ?? [];
    const sequence = {
      ids: [...promptIds, ...tokenIds],
      isResponseToken: [...promptIds.map(() => false), ...tokenIds.map(() => true)],
    };
    const [mine] = await sequenceLogProbs(one, [sequence], { batchSize: 1 });
    const [theirs] = await sequenceLogProbs(two, [sequence], { batchSize: 1 });
    const [score] = await scoreSequences(reward, [sequence], 1);
    expect(replies[i]?.text).toBe(tokenizer.decode(tokenIds).trim());
    expect(replies[i]?.klToReference).toBeCloseTo((mine?.logProb ?? 0) - (theirs?.logProb ?? 0), 5);
    expect(replies[i]?.reward).toBeCloseTo(score ?? Number.NaN, 5);
  }
  for (const model of [one, two, reward]) model.dispose();
  const mean = replies.reduce((sum, reply) => sum + (reply.klToReference ?? Number.NaN), 0) / replies.length;
  expect(evaluation.kl?.value).toBeCloseTo(mean, 10);
});

test('one seed gives one evaluation at any batch size, another seed another', async () => {
  const of = async (change: Record<string, unknown>) => {
    const { evaluation, replies } = await evaluateModel(tiny, configOf(change));
    const { createdAt, settings, ...figures } = evaluation;
    expect(createdAt).toMatch(/^\d{4}-/);
    expect(settings.seed).toBe(change.seed ?? 5);
    return { figures, replies };
  };
  const first = await of({});
  expect(await of({ batchSize: 3 })).toEqual(first);
  expect((await of({ seed: 6 })).replies).not.toEqual(first.replies);
});

test('a model does not diverge from itself, and draws with itself', async () => {
  const { evaluation, replies } = await evaluateModel(tiny, configOf({ reference: 'one' }));
  expect(replies.every(({ klToReference }) => klToReference === 0)).toBe(true);
  expect(evaluation.kl).toMatchObject({ value: 0, low: 0, high: 0 });
  expect(evaluation.rewardGain?.value).toBe(0);
  for (const rate of Object.values(evaluation.winRate)) expect(rate.value).toBe(0.5);
});

test('without reference and reward model there are neither win rates nor rewards', async () => {
  const { artifact, evaluation } = await evaluateModel(
    tiny,
    configOf({ reference: undefined, rewardModel: undefined, split: 'all', samplesPerPrompt: 1, temperature: 0 }),
  );
  expect(evaluation).toMatchObject({
    prompts: 5,
    reference: null,
    reward: null,
    rewardGain: null,
    kl: null,
    winRate: {},
  });
  expect('kl' in artifact.metrics || 'reward' in artifact.metrics).toBe(false);
});

describe('tokenizers that differ', () => {
  test('a foreign reward model is refused, naming both', async () => {
    await expect(evaluateModel(tiny, configOf({ rewardModel: 'foreign-reward' }))).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringMatching(/differ in: tokenizer .*one has [0-9a-f]+, foreign-reward has/),
    });
    await expect(evaluateModel(tiny, configOf({ reference: 'foreign' }))).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringMatching(/foreign has [0-9a-f]+, reward has/),
    });
  });

  test('a foreign reference is compared by judges, but no divergence is made up', async () => {
    const { evaluation } = await evaluateModel(tiny, configOf({ reference: 'foreign', rewardModel: undefined }));
    expect(evaluation.kl).toBeNull();
    expect(Object.keys(evaluation.winRate)).toEqual([RULE_JUDGE.name]);
    expect(tiny.notes.at(-1)).toBe('foreign reads text otherwise than one: the KL between them is not measured');
  });
});

test('what cannot be evaluated is named, and leaves no tensor and no artefact', async () => {
  const [before, evaluations] = [tf.memory().numTensors, tiny.workspace.artifacts.list('evaluation').length];
  await makeTinyModel(join(tiny.dir, 'short'), { seed: 1, config: { maxPositions: 16 } });
  const refused = async (change: Record<string, unknown>, code: string, message: RegExp) =>
    expect(evaluateModel(tiny, configOf(change))).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  await refused({ model: 'short' }, 'too-long', /Prompt h-1: .*context of 16/);
  await refused({ model: 'nowhere' }, 'not-found', /nowhere/);
  await refused({ prompts: 'none.jsonl' }, 'not-found', /none\.jsonl/);
  await refused({ model: 'reward' }, 'bad-model', /expected a language model/);
  await refused({ rewardModel: 'two' }, 'bad-model', /expected a reward model/);
  await writeFile(join(tiny.dir, 'train.jsonl'), toJsonl([{ id: 'a', prompt: 'x' }]));
  await refused({ prompts: 'train.jsonl' }, 'bad-input', /split heldout/);
  await expect(evaluateModel(tiny.stoppingAt(0), configOf())).rejects.toMatchObject({
    code: 'interrupted',
    message: expect.stringContaining('run the same command again'),
  });
  expect(tf.memory().numTensors).toBe(before);
  expect(tiny.workspace.artifacts.list('evaluation')).toHaveLength(evaluations);
});

test('the text of a damaged model file is not taken for weights', async () => {
  await makeTinyModel(join(tiny.dir, 'cut'), { seed: 1 });
  const path = join(tiny.dir, 'cut', 'model.safetensors');
  await writeFile(path, (await readFile(path)).subarray(0, 2000));
  await expect(evaluateModel(tiny, configOf({ model: 'cut' }))).rejects.toMatchObject({ code: 'bad-model' });
});
