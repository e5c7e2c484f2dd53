import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packagePath } from '../core/packageRoot.ts';
import { startEngine } from '../engine/backend.ts';
import * as tf from '../engine/tf.ts';
import { generate } from '../generate/generate.ts';
import { loadTokenizer } from '../tokens/tokenizer.ts';
import { makeBatch } from './batch.ts';
import { headOf, loadModel, newModel, saveModel, scalarModelFrom } from './model.ts';
import { causalLmShapes, SCORE_HEAD } from './parameters.ts';
import { readSafetensors, type TensorData } from './safetensors.ts';
import { writeSafetensors } from './safetensorsWriter.ts';
import { scoreSequences, sequenceLogProbs } from './score.ts';
import { makeTinyModel, TINY_CONFIG, TINY_TOKENS } from './testing/tinyModel.ts';

const STORIES = packagePath('..', 'shared', 'fixtures', 'stories260K');
const GREEDY = { temperature: 0, topK: 0, topP: 1, maxNewTokens: 60 };

const ifStories = existsSync(STORIES) ? test : test.skip;
if (!existsSync(STORIES)) process.stderr.write(`model.test.ts: skipped stories260K, none at ${STORIES}\n`);

let dir: string;
let weights: string;
let tensorsBefore: number;
beforeAll(async () => {
  await startEngine({ backend: 'wasm' });
});
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fourfold-model-'));
  weights = join(dir, 'model.safetensors');
  tensorsBefore = tf.memory().numTensors;
});
afterEach(async () => {
  expect(tf.memory().numTensors).toBe(tensorsBefore);
  await rm(dir, { recursive: true, force: true });
});

ifStories('a pretrained model tells its story, greedy from its beginning-of-sequence token', async () => {
  const tokenizer = await loadTokenizer(STORIES);
  const model = await loadModel(STORIES);
  const promptIds = tokenizer.encode('', { addSpecialTokens: true });
  const [result] = await generate(model, [{ promptIds, seed: 1 }], {
    sampling: GREEDY,
    stopIds: [tokenizer.eosId ?? -1],
  });
  expect(tokenizer.decode(result?.tokenIds ?? [])).toContain(
    'Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, red ball.',
  );
  const goldens = JSON.parse(await readFile(packagePath('data', 'goldens', 'model.json'), 'utf8'));
  // What transformers generates from the same beginning.
  expect(result?.tokenIds).toEqual(goldens.stories.greedyIds);
  model.dispose();
});

describe('new models', () => {
  test('the same seed gives the same weights, another seed others; gains are one', async () => {
    const values = async (seed: number) => {
      const model = newModel(TINY_CONFIG, seed);
      const read = [...model.parameters].map(([name, tensor]) => [name, Array.from(tensor.dataSync())] as const);
      model.dispose();
      return new Map(read);
    };
    const [first, again, other] = [await values(1), await values(1), await values(2)];
    expect(again).toEqual(first);
    const name = 'model.layers.1.self_attn.q_proj.weight';
    expect(other.get(name)).not.toEqual(first.get(name));
    expect(new Set(first.get('model.layers.0.input_layernorm.weight'))).toEqual(new Set([1]));
    // 320 x 16 = 5,120 draws of deviation 0.02: their own deviation is within 5 % of it (5 standard errors).
    const embedding = first.get('model.embed_tokens.weight') ?? [];
    const deviation = Math.sqrt(embedding.reduce((sum, value) => sum + value ** 2, 0) / embedding.length);
    expect(Math.abs(deviation / 0.02 - 1)).toBeLessThan(0.05);
  });

  test('a saved model loads with the same bits, whatever its head', async () => {
    for (const head of ['causal-lm', 'scalar'] as const) {
      await makeTinyModel(dir, { seed: 5, head, config: { tieEmbeddings: false } });
      const [model, bytes] = [await loadModel(dir, head), await readFile(weights)];
      expect(await headOf(dir)).toBe(head);
      await saveModel(dir, model, TINY_TOKENS);
      expect(await readFile(weights)).toEqual(bytes);
      model.dispose();
    }
  });

  test('an output projection is kept only where it is not tied', () => {
    expect(causalLmShapes(TINY_CONFIG).has('lm_head.weight')).toBe(false);
    expect(causalLmShapes({ ...TINY_CONFIG, tieEmbeddings: false }).get('lm_head.weight')).toEqual([320, 16]);
  });
});

describe('loading', () => {
  /** Changes the tensors of the saved model. */
  async function edit(change: (tensors: Map<string, TensorData>) => void) {
    const tensors = await readSafetensors(weights);
    change(tensors);
    await writeSafetensors(weights, tensors);
  }
  const NAME = 'model.layers.1.mlp.up_proj.weight';

  beforeEach(() => makeTinyModel(dir, { seed: 1 }));

  test('a missing tensor is named with its shape', async () => {
    await edit((tensors) => tensors.delete(NAME));
    await expect(loadModel(dir)).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringMatching(/expected a tensor model\.layers\.1\.mlp\.up_proj\.weight of shape \[32,16\]/),
    });
  });

  test('a wrong shape is named beside the right one, transposed ones too', async () => {
    await edit((tensors) => tensors.set(NAME, { shape: [16, 32], values: new Float32Array(512) }));
    await expect(loadModel(dir)).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringMatching(/up_proj\.weight of shape \[32,16\], got \[16,32\]/),
    });
  });

  test('tensors that the model does not use are left aside', async () => {
    await edit((tensors) => tensors.set('rotary.inv_freq', { shape: [2], values: Float32Array.of(1, 2) }));
    const model = await loadModel(dir);
    expect([...model.parameters.keys()]).toEqual([...causalLmShapes(TINY_CONFIG).keys()]);
    model.dispose();
  });

  test('the head must be the one expected', async () => {
    await expect(loadModel(dir, 'scalar')).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringContaining('expected a reward model, got a language model'),
    });
    await makeTinyModel(dir, { seed: 1, head: 'scalar' });
    await expect(loadModel(dir, 'causal-lm')).rejects.toThrow('expected a language model, got a reward model');
  });

  test('missing and damaged files are named', async () => {
    await writeFile(weights, (await readFile(weights)).subarray(0, 5000));
    await expect(loadModel(dir)).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringContaining('cut short'),
    });
    await rm(weights);
    await expect(loadModel(dir)).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('model.safetensors'),
    });
    await expect(loadModel(join(dir, 'none'))).rejects.toMatchObject({ code: 'not-found' });
  });

  test('a scalar model on a trunk starts with a head of zeros: every reward is 0', async () => {
    const model = await scalarModelFrom(dir);
    expect(model.parameters.get(SCORE_HEAD)?.shape).toEqual([1, 16]);
    expect(await scoreSequences(model, [{ ids: [1, 2, 3], isResponseToken: [] }], 1)).toEqual([0]);
    model.dispose();
  });
});

describe('scoring', () => {
  const sequences = [
    [5, 6, 7, 8, 9, 10],
    [30, 31],
    [260, 300, 12, 4],
    [7, 7, 7, 7, 7],
  ].map((ids) => ({ ids, isResponseToken: ids.map((_, at) => at > 0) }));

  test('gives each sequence the same bits at any batch size, in the order given', async () => {
    for (const head of ['causal-lm', 'scalar'] as const) {
      await makeTinyModel(dir, { seed: 9, head });
      const model = await loadModel(dir);
      const at = (batchSize: number) =>
        head === 'scalar'
          ? scoreSequences(model, sequences, batchSize)
          : sequenceLogProbs(model, sequences, { batchSize });
      const alone = await at(1);
      expect(new Set(alone.map((result) => JSON.stringify(result))).size).toBe(4);
      expect(await at(3)).toEqual(alone);
      expect(await at(16)).toEqual(alone);
      model.dispose();
    }
  });

  test('a signal that comes between batches stops it and leaves nothing behind', async () => {
    const model = newModel(TINY_CONFIG, 1);
    const many = Array.from({ length: 200 }, (_, i) => sequences[i % 4] ?? { ids: [1], isResponseToken: [] });
    const before = tf.memory().numTensors;
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 0);
    const scoring = sequenceLogProbs(model, many, { batchSize: 1, signal: controller.signal });
    await expect(scoring).rejects.toMatchObject({ code: 'interrupted' });
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });

  test('temperature divides the logits: at a very high one every token has 1 / vocab', async () => {
    const model = newModel(TINY_CONFIG, 1);
    const [result] = await sequenceLogProbs(model, sequences.slice(1, 2), { batchSize: 1, temperature: 1e6 });
    expect(result?.logProb).toBeCloseTo(-Math.log(320), 5);
    model.dispose();
  });

  test('a sequence without a response token has log-probability 0 of no token', async () => {
    const model = newModel(TINY_CONFIG, 1);
    const mixed = [{ ids: [3, 4], isResponseToken: [false, false] }, ...sequences.slice(1, 2)];
    const [none, some] = await sequenceLogProbs(model, mixed, { batchSize: 2 });
    expect(none).toEqual({ logProb: 0, tokens: 0 });
    expect(some?.tokens).toBe(1);
    model.dispose();
  });

  test('sequences that are too long, empty or out of range are refused, and nothing is left over', async () => {
    const model = newModel({ ...TINY_CONFIG, maxPositions: 5 }, 1);
    const score = (ids: number[]) =>
      sequenceLogProbs(model, [{ ids, isResponseToken: ids.map(() => true) }], { batchSize: 1 });
    await expect(score([1, 2, 3, 4, 5, 6])).rejects.toMatchObject({
      code: 'too-long',
      message: expect.stringMatching(/at most 5 tokens.*got 6/),
    });
    await expect(score([])).rejects.toMatchObject({ code: 'bad-input' });
    await expect(score([1, 320])).rejects.toThrow('319');
    expect((await score([1, 2, 3, 4, 5]))[0]?.tokens).toBe(4);
    model.dispose();
  });
});

test('a batch is padded on the right, and says where its response tokens are', () => {
  // Row 0 predicts ids 8, 9 at columns 2, 3, hence at flat positions 1, 2; row 1 predicts 5 at 4 + 0 = 4.
  // Its first token is marked too, but nothing comes before it.
  const batch = makeBatch(
    [
      { ids: [6, 7, 8, 9], isResponseToken: [false, false, true, true] },
      { ids: [4, 5], isResponseToken: [true, true] },
    ],
    8,
  );
  const numbers = (tensor: tf.Tensor) => Array.from(tensor.dataSync());
  expect(batch.ids.shape).toEqual([2, 4]);
  expect(numbers(batch.ids)).toEqual([6, 7, 8, 9, 4, 5, 0, 0]);
  expect(numbers(batch.positions)).toEqual([0, 1, 2, 3, 0, 1, 2, 3]);
  expect(numbers(batch.keyStart)).toEqual([0, 0]);
  expect(numbers(batch.predictAt)).toEqual([1, 2, 4]);
  expect(numbers(batch.targets)).toEqual([8, 9, 5]);
  expect(batch.responseLengths).toEqual([2, 1]);
  // 3 of row 0, 4 + 1 of row 1.
  expect(numbers(batch.lastToken)).toEqual([3, 5]);
  tf.dispose(Object.values(batch).filter((value) => value instanceof tf.Tensor));
});
