import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEngine } from '../../engine/backend.ts';
import { valueAndGradients } from '../../engine/gradients.ts';
import * as tf from '../../engine/tf.ts';
import { adaptedModel, inTraining, mergedModel } from '../adapted.ts';
import { makeBatch } from '../batch.ts';
import { responseLogProbs, sequenceScores } from '../heads.ts';
import { headOf, loadModel, type Model, saveModel } from '../model.ts';
import { SCORE_HEAD } from '../parameters.ts';
import { hasPlainWeights } from '../projection.ts';
import { bytesOf } from '../quantized.ts';
import { sharedBases } from '../sharedBases.ts';
import { makeTinyModel, TINY_CONFIG, TINY_TOKENS } from '../testing/tinyModel.ts';
import { type Adapter, copyAdapter, modulesOf, nameOfB, newAdapter, scaleOf } from './adapter.ts';
import { mergeInto, unmergeFrom } from './merge.ts';
import { resolveTargets } from './targets.ts';
import { type LoraRequest, loadTrainable } from './trainable.ts';

let dir: string;
let base: string;
beforeAll(async () => {
  await startEngine({ backend: 'wasm' });
});
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fourfold-lora-'));
  base = join(dir, 'base');
  await makeTinyModel(base, { seed: 1 });
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const ASKED: LoraRequest = { rank: 3, alpha: 6, targets: null, dropout: 0, usesRslora: null };
const SEQUENCES = [
  { ids: [5, 17, 3, 88, 41, 2, 60], isResponseToken: [false, false, true, true, true, true, true] },
  { ids: [9, 9, 33, 70], isResponseToken: [false, true, true, true] },
];

/** Makes B something, so that the adapter does. */
function stir(model: Model, deviation = 0.3): void {
  for (const [name, variable] of model.trained) {
    if (!name.includes('lora_B')) continue;
    const values = tf.randomNormal(variable.shape, 0, deviation, 'float32', name.length);
    variable.assign(values);
    values.dispose();
  }
}

const logProbs = (model: Model): number[] =>
  tf.tidy(() => Array.from(responseLogProbs(model, makeBatch(SEQUENCES, 128)).logProbs.dataSync()));
const scores = (model: Model): number[] =>
  tf.tidy(() => Array.from(sequenceScores(model, makeBatch(SEQUENCES, 128)).dataSync()));
const lossOf = (model: Model) => () =>
  tf.tidy(() => tf.neg(tf.sum(responseLogProbs(model, makeBatch(SEQUENCES, 128)).logProbs)) as tf.Scalar);
const largest = (a: number[], b: number[]) => Math.max(...a.map((x, i) => Math.abs(x - (b[i] ?? Number.NaN))));
const open = (lora: LoraRequest | null = ASKED) => loadTrainable(base, { head: 'causal-lm', lora, seed: 7 });

test('a new adapter changes nothing, trained it does, and nothing of it outlives the model', async () => {
  const before = tf.memory().numTensors;
  const plain = await loadModel(base);
  const model = await open();
  expect(logProbs(model)).toEqual(logProbs(plain));
  stir(model);
  expect(largest(logProbs(model), logProbs(plain))).toBeGreaterThan(0.01);
  // 7 linear modules in each of 2 layers, A and B each.
  expect(model.trained.size).toBe(28);
  model.dispose();
  plain.dispose();
  expect(tf.memory().numTensors).toBe(before);
});

test('the update is scale · B·A·x, the scale alpha / rank or alpha / sqrt(rank)', async () => {
  const settings = { rank: 4, alpha: 6, usesRslora: false, dropout: 0, targets: ['q_proj'] };
  expect([scaleOf(settings), scaleOf({ ...settings, usesRslora: true })]).toEqual([1.5, 3]);
  const model = await open({ ...ASKED, targets: ['q_proj'] });
  stir(model);
  const halved = adaptedModel(model, {
    ...{ head: 'causal-lm', score: new Map(), baseDir: base },
    adapter: {
      ...copyAdapter(model.adapter as Adapter),
      settings: { ...(model.adapter as Adapter).settings, alpha: 12 },
    },
  });
  for (const [name, variable] of halved.trained)
    if (name.includes('lora_B')) tf.tidy(() => variable.assign(tf.div(variable, 2)));
  expect(largest(logProbs(halved), logProbs(model))).toBeLessThan(1e-5);
  halved.dispose();
  model.dispose();
});

test('only the adapter has gradients, and they are those of finite differences', async () => {
  const model = await open();
  stir(model);
  const { value, gradients } = valueAndGradients(model.trained, lossOf(model));
  expect([...gradients.keys()]).toEqual([...model.trained.keys()]);
  for (const part of ['lora_A', 'lora_B']) {
    const name = `model.layers.0.self_attn.v_proj.${part}.weight`;
    const [variable, gradient] = [model.trained.get(name), gradients.get(name)];
    if (variable === undefined || gradient === undefined) throw new Error(name);
    const at = (step: number) =>
      tf.tidy(() => {
        const kept = tf.clone(variable);
        const shifted = tf.buffer(variable.shape, 'float32', Float32Array.from(variable.dataSync()));
        shifted.values[1] = (shifted.values[1] ?? 0) + step;
        variable.assign(shifted.toTensor());
        const loss = lossOf(model)().dataSync()[0] ?? Number.NaN;
        variable.assign(kept);
        return loss;
      });
    const difference = (at(4e-3) - at(-4e-3)) / 8e-3;
    expect(Math.abs(difference - (gradient.dataSync()[1] ?? Number.NaN))).toBeLessThan(
      2e-3 * Math.max(1, Math.abs(difference)),
    );
  }
  tf.dispose([value, ...gradients.values()]);
  model.dispose();
});

test('dropout is a function of its seed, and only while training', async () => {
  const model = await open({ ...ASKED, dropout: 0.5 });
  stir(model);
  const still = logProbs(model);
  const one = logProbs(inTraining(model, { dropoutSeed: 1, recomputes: false }));
  expect(logProbs(inTraining(model, { dropoutSeed: 1, recomputes: false }))).toEqual(one);
  expect(logProbs(inTraining(model, { dropoutSeed: 2, recomputes: false }))).not.toEqual(one);
  expect(one).not.toEqual(still);
  expect(logProbs(model)).toEqual(still);
  model.dispose();
});

test('recomputed in the backward pass, gradients have the same bits, dropout and int8 weights included', async () => {
  const lora = { ...ASKED, dropout: 0.3 };
  const model = await loadTrainable(base, { head: 'causal-lm', lora, seed: 7, quantization: 'int8' });
  stir(model);
  const [kept, again] = [false, true].map((recomputes) => {
    const { value, gradients } = valueAndGradients(
      model.trained,
      lossOf(inTraining(model, { dropoutSeed: 5, recomputes })),
    );
    const values = [value, ...gradients.values()].map((tensor) => Array.from(tensor.dataSync()));
    tf.dispose([value, ...gradients.values()]);
    return values;
  });
  expect(again).toEqual(kept);
  model.dispose();
});

test('merged is unmerged but for rounding, in a model of its own and in place and back', async () => {
  const model = await open();
  stir(model);
  const [tensors, adapted] = [tf.memory().numTensors, logProbs(model)];
  const merged = mergedModel(model);
  expect(merged.adapter).toBeNull();
  expect(largest(logProbs(merged), adapted)).toBeLessThan(2e-5);
  merged.dispose();
  expect(tf.memory().numTensors).toBe(tensors);

  const plain = await loadModel(base);
  const before = logProbs(plain);
  mergeInto(plain.parameters, model.adapter as Adapter);
  expect(largest(logProbs(plain), adapted)).toBeLessThan(2e-5);
  unmergeFrom(plain.parameters, model.adapter as Adapter);
  expect(largest(logProbs(plain), before)).toBeLessThan(2e-5);
  plain.dispose();
  model.dispose();
});

test('several adapters and the base itself share one set of weights', async () => {
  const before = tf.memory().numTensors;
  const bases = sharedBases();
  const one = await loadTrainable(base, { head: 'causal-lm', lora: ASKED, seed: 1, bases });
  const afterOne = tf.memory().numTensors;
  const two = await loadTrainable(base, { head: 'causal-lm', lora: ASKED, seed: 2, bases });
  const off = await loadModel(base, 'causal-lm', { bases });
  const reward = await loadTrainable(base, { head: 'scalar', lora: ASKED, seed: 3, bases });
  // 28 tensors an adapter, and a score head.
  expect(tf.memory().numTensors - afterOne).toBe(28 + 28 + 1);
  stir(one, 0.2);
  stir(two, 0.4);
  const plain = await loadModel(base);
  expect(logProbs(off)).toEqual(logProbs(plain));
  expect(logProbs(one)).not.toEqual(logProbs(two));
  expect(scores(reward)).toEqual([0, 0]);
  plain.dispose();
  for (const model of [one, two, off, reward]) model.dispose();
  bases.dispose();
  expect(tf.memory().numTensors).toBe(before);
});

test('a quantised base has a quarter of the bytes of its linear weights, and an adapter on it trains', async () => {
  const before = tf.memory().numTensors;
  const plain = await loadModel(base);
  const int8 = await loadModel(base, 'causal-lm', { quantization: 'int8' });
  const difference = largest(logProbs(int8), logProbs(plain));
  expect(difference).toBeGreaterThan(0);
  expect(difference).toBeLessThan(0.01);
  expect([hasPlainWeights(plain), hasPlainWeights(int8)]).toEqual([true, false]);
  // Two layers of q 16x16, k and v 8x16, o 16x16, gate and up 32x16, down 16x32: 2304 values in 128 rows a layer.
  expect(bytesOf(int8.quantized ?? new Map())).toBe(2 * (2304 + 4 * 128));
  const model = await loadTrainable(base, { head: 'causal-lm', lora: ASKED, seed: 7, quantization: 'int8' });
  stir(model);
  const { value, gradients } = valueAndGradients(model.trained, lossOf(model));
  expect([...gradients.keys()]).toEqual([...model.trained.keys()]);
  // The gradients are those on the float32 base, as nearly as the weights are.
  const exact = await open();
  stir(exact);
  const expected = valueAndGradients(exact.trained, lossOf(exact));
  for (const [name, gradient] of gradients) {
    const [mine, theirs] = [gradient, expected.gradients.get(name)].map((tensor) =>
      Array.from(tensor?.dataSync() ?? []),
    );
    expect(largest(mine ?? [], theirs ?? [])).toBeLessThan(0.05 * Math.max(...(theirs ?? []).map(Math.abs)) + 1e-4);
  }
  await expect(loadTrainable(base, { head: 'causal-lm', lora: null, seed: 7, quantization: 'int8' })).rejects.toThrow(
    'Add --lora-rank',
  );
  tf.dispose([value, expected.value, ...gradients.values(), ...expected.gradients.values()]);
  for (const one of [plain, int8, model, exact]) one.dispose();
  expect(tf.memory().numTensors).toBe(before);
});

describe("PEFT's folder", () => {
  async function saved(model: Model, name: string): Promise<string> {
    const folder = join(dir, name);
    await mkdir(folder);
    await saveModel(folder, model, TINY_TOKENS);
    return folder;
  }
  const config = async (folder: string) => JSON.parse(await readFile(join(folder, 'adapter_config.json'), 'utf8'));

  test('comes back bit for bit, wherever a model is loaded, and is trained on', async () => {
    const model = await open({ ...ASKED, targets: ['q_proj', 'down_proj'] });
    stir(model);
    const folder = await saved(model, 'adapter');
    expect(await config(folder)).toMatchObject({
      ...{ peft_type: 'LORA', task_type: 'CAUSAL_LM', r: 3, lora_alpha: 6, target_modules: ['q_proj', 'down_proj'] },
      ...{ base_model_name_or_path: '../base', modules_to_save: null },
    });
    expect(await headOf(folder)).toBe('causal-lm');
    const loaded = await loadModel(folder, 'causal-lm');
    expect(logProbs(loaded)).toEqual(logProbs(model));
    const continued = await loadTrainable(folder, { head: 'causal-lm', lora: null, seed: 9 });
    expect(logProbs(continued)).toEqual(logProbs(model));
    expect([...continued.trained.keys()]).toEqual([...model.trained.keys()]);
    await expect(loadModel(folder, 'scalar')).rejects.toThrow('expected a reward model, got a language model');
    const asked = { ...ASKED, rank: 4 };
    await expect(loadTrainable(folder, { head: 'causal-lm', lora: asked, seed: 9 })).rejects.toThrow(
      '--lora-rank: expected 3',
    );
    for (const one of [model, loaded, continued]) one.dispose();
  });

  test('keeps the score head of a reward model', async () => {
    const model = await loadTrainable(base, { head: 'scalar', lora: ASKED, seed: 7 });
    stir(model);
    const values = tf.randomNormal([1, TINY_CONFIG.hidden], 0, 1, 'float32', 5);
    model.trained.get(SCORE_HEAD)?.assign(values);
    values.dispose();
    const folder = await saved(model, 'reward');
    expect(await config(folder)).toMatchObject({ task_type: 'SEQ_CLS', modules_to_save: ['score'] });
    const loaded = await loadModel(folder, 'scalar');
    expect(scores(loaded)).toEqual(scores(model));
    expect(scores(loaded)[0]).not.toBe(0);
    loaded.dispose();
    model.dispose();
  });

  test.each([
    ['use_dora', true],
    ['bias', 'all'],
    ['peft_type', 'IA3'],
    ['modules_to_save', ['embed_tokens']],
    ['rank_pattern', { q_proj: 8 }],
    ['alpha_pattern', { q_proj: 8 }],
    ['layer_replication', [[0, 2]]],
    ['init_lora_weights', 'pissa'],
    ['trainable_token_indices', [1]],
    ['something_new', { anything: 1 }],
  ])('refuses %s by name', async (field, value) => {
    const model = await open();
    const folder = await saved(model, 'adapter');
    model.dispose();
    await writeFile(join(folder, 'adapter_config.json'), JSON.stringify({ ...(await config(folder)), [field]: value }));
    await expect(loadModel(folder)).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining(`expected ${field} `),
    });
  });

  test('refuses an adapter of another base, one without its base, and foreign tensors', async () => {
    const before = tf.memory().numTensors;
    const model = await open();
    const folder = await saved(model, 'adapter');
    const written = await config(folder);
    const edit = (change: object) =>
      writeFile(join(folder, 'adapter_config.json'), JSON.stringify({ ...written, ...change }));
    await edit({ base_model_name_or_path: 'nobody/nothing' });
    await expect(loadModel(folder)).rejects.toThrow('fourfold models import DIR --base MODEL');
    await edit({ r: 2 });
    await expect(loadModel(folder)).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringContaining('of shape [2,32], got [3,32]'),
    });
    const other = join(dir, 'other');
    await makeTinyModel(other, { seed: 1, config: { layers: 1 } });
    await edit({ base_model_name_or_path: '../other' });
    await expect(loadModel(folder)).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('layers.1'),
    });
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('targets', () => {
  const modules = (...targets: string[]) => resolveTargets(TINY_CONFIG, targets);

  test('names fit ends of names, a regular expression whole names, all-linear every linear module of the layers', () => {
    expect(modules('q_proj', 'mlp.up_proj').modules).toEqual(
      [0, 1].flatMap((layer) => [`model.layers.${layer}.self_attn.q_proj`, `model.layers.${layer}.mlp.up_proj`]),
    );
    expect(modules('.*layers\\.1\\..*(k|v)_proj').modules).toEqual([
      'model.layers.1.self_attn.k_proj',
      'model.layers.1.self_attn.v_proj',
    ]);
    expect(modules('all-linear')).toMatchObject({
      targets: ['down_proj', 'gate_proj', 'k_proj', 'o_proj', 'q_proj', 'up_proj', 'v_proj'],
    });
    expect(modules('all-linear').modules).toHaveLength(14);
  });

  test.each([['proj'], ['lm_head'], ['embed_tokens'], ['(']])('%s fits none, and the names are told', (target) => {
    expect(() => modules(target)).toThrow(/bad-option|There are: down_proj|regular expression/);
  });
});

test('a module with an adapter of its own values depends on seed and name only', () => {
  const settings = { rank: 2, alpha: 4, usesRslora: false, dropout: 0, targets: [] };
  const name = 'model.layers.1.mlp.up_proj';
  const [one, two] = [[name], ['model.layers.0.mlp.up_proj', name]].map((modules) =>
    newAdapter(TINY_CONFIG, modules, settings, 3),
  );
  if (one === undefined || two === undefined) throw new Error('unreachable');
  expect(modulesOf(two)).toHaveLength(2);
  const valuesOf = (adapter: Adapter) => Array.from(adapter.parameters.get(`${name}.lora_A.weight`)?.dataSync() ?? []);
  expect(valuesOf(one)).toEqual(valuesOf(two));
  // in is 16: within ±1/4.
  expect(valuesOf(one).every((value) => Math.abs(value) <= 0.25)).toBe(true);
  expect(Math.max(...(two.parameters.get(nameOfB(name))?.dataSync() ?? [1]))).toBe(0);
  for (const { parameters } of [one, two]) tf.dispose([...parameters.values()]);
});
