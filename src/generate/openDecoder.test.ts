import { readdirSync } from 'node:fs';
import { packagePath } from '../core/packageRoot.ts';
import { startEngine } from '../engine/backend.ts';
import { endThreads } from '../engine/backends/wasm.ts';
import { makeDecoder } from '../engine/decoder.ts';
import { presentBackends } from '../engine/testing/backends.ts';
import * as tf from '../engine/tf.ts';
import { type LlamaShape, llamaConfig } from '../model/architectures/llama.ts';
import { loadModel, type Model, newModel } from '../model/model.ts';
import type { Decoder } from './decoder.ts';
import { fusedParts } from './fusedParts.ts';
import { GeneralDecoder } from './generalDecoder.ts';
import { openDecoder, openFusedDecoder } from './openDecoder.ts';

const ARCHITECTURES = packagePath('data', 'goldens', 'architectures');
const SIZE = { slots: 5, capacity: 41 };
const LENGTHS = [1, 7, 8, 9, 20];
const RULES = [
  { temperature: 0.7, topK: 0, topP: 1 },
  { temperature: 0, topK: 0, topP: 1 },
  { temperature: 1.5, topK: 20, topP: 0.9 },
];

beforeAll(() => startEngine({ backend: 'wasm', threads: 3 }).then(() => undefined));
afterAll(endThreads);

/** What a decoder draws after beginnings of several lengths and a copy: one row in some steps, all in others. */
async function drawsOf(decoder: Decoder, vocab: number, steps = 6): Promise<number[][]> {
  const ids = (length: number, slot: number) => Array.from({ length }, (_, i) => (i * 37 + slot * 11 + 3) % vocab);
  const begun = LENGTHS.slice(0, 4).map((length, slot) => ({ slot, ids: ids(length, slot) }));
  decoder.begin(begun);
  decoder.copy(3, 4, 5);
  const starts = [...begun.map((beginning) => beginning.ids.length), 5];
  const results: number[][] = [];
  for (let step = 0; step < steps; step++) {
    const rule = RULES[step % RULES.length] as (typeof RULES)[number];
    const rows = starts
      .map((start, slot) => ({ slot, position: start + step, token: (slot * 31 + step * 7) % vocab }))
      .filter(({ slot }) => step < steps - 1 || slot === 4);
    const uniforms = rows.map((_, i) => ((i + 1) * (step + 1) * 0.137) % 1);
    const { tokens, logProbs, entropy } = await decoder.draw(rows, uniforms, rule);
    results.push(Array.from(tokens), Array.from(logProbs), Array.from(entropy));
  }
  return results;
}

/** Draws of both decoders, which are disposed. */
async function both(model: Model): Promise<{ fused: number[][]; general: number[][] }> {
  const before = tf.memory().numTensors;
  const fused = openFusedDecoder(model, SIZE);
  if (fused === null) throw new Error('Expected a fused decoder for this model.');
  const general = new GeneralDecoder(model, SIZE);
  const results = {
    fused: await drawsOf(fused, model.config.vocab),
    general: await drawsOf(general, model.config.vocab),
  };
  fused.dispose();
  general.dispose();
  expect(tf.memory().numTensors).toBe(before);
  return results;
}

const SERVED = ['llama-2', 'llama-3', 'qwen2', 'qwen3'];

test.each(readdirSync(ARCHITECTURES))(
  '%s: served by the fused decoder with the bits of the general one, or not at all',
  async (name) => {
    const model = await loadModel(`${ARCHITECTURES}/${name}`, 'causal-lm');
    expect({ name, isServed: fusedParts(model, 41) !== null }).toEqual({ name, isServed: SERVED.includes(name) });
    if (SERVED.includes(name)) {
      const { fused, general } = await both(model);
      expect(fused).toEqual(general);
    } else {
      const decoder = openDecoder(model, SIZE);
      expect(decoder).toBeInstanceOf(GeneralDecoder);
      decoder.dispose();
    }
    model.dispose();
  },
);

const SHAPES: Partial<LlamaShape>[] = [
  { hidden: 1, intermediate: 1, heads: 1, kvHeads: 1, headDim: 2, vocab: 7 },
  { hidden: 7, intermediate: 9, heads: 3, kvHeads: 1, headDim: 6, vocab: 8 },
  { hidden: 8, intermediate: 7, heads: 4, kvHeads: 2, headDim: 10, vocab: 9, tieEmbeddings: false },
  { hidden: 9, intermediate: 300, heads: 2, kvHeads: 2, headDim: 36, vocab: 4097 },
  { hidden: 300, intermediate: 513, heads: 6, kvHeads: 3, headDim: 66, vocab: 1000, layers: 1 },
];

test.each(SHAPES)('of shape %j both decoders give the same bits, on one thread and on three', async (shape) => {
  const base = { layers: 2, maxPositions: 64, normEpsilon: 1e-5, ropeTheta: 10_000, tieEmbeddings: true };
  const model = newModel(llamaConfig({ ...base, ...shape } as LlamaShape), 3);
  // Larger weights than new ones have, so that every value counts.
  for (const variable of model.parameters.values()) {
    const larger = tf.tidy(() =>
      tf.add(tf.mul(variable, 8), tf.randomUniform(variable.shape, -0.1, 0.1, 'float32', 5)),
    );
    variable.assign(larger as tf.Tensor);
    larger.dispose();
  }
  const { fused, general } = await both(model);
  expect(fused).toEqual(general);
  await startEngine({ backend: 'wasm', threads: 1 });
  expect((await both(model)).fused).toEqual(general);
  await startEngine({ backend: 'wasm', threads: 3 });
  model.dispose();
});

test('an adapter at work, or a parameter that is not of the shape, is left to the general decoder', async () => {
  const model = await loadModel(`${ARCHITECTURES}/llama-2`, 'causal-lm');
  expect(fusedParts(model, 41)).not.toBeNull();
  expect(fusedParts({ ...model, adapter: {} as NonNullable<Model['adapter']> }, 41)).toBeNull();
  const odd = new Map([...model.parameters, ['model.extra.weight', [...model.parameters.values()][0] as tf.Variable]]);
  expect(fusedParts({ ...model, parameters: odd }, 41)).toBeNull();
  expect(fusedParts({ ...model, head: 'scalar' }, 41)).toBeNull();
  model.dispose();
});

test('a window that no sequence outgrows is none', async () => {
  const model = await loadModel(`${ARCHITECTURES}/mistral`, 'causal-lm');
  const window = model.config.slidingWindow ?? 0;
  expect(window).toBeGreaterThan(0);
  expect(fusedParts(model, window)).not.toBeNull();
  expect(fusedParts(model, window + 1)).toBeNull();
  model.dispose();
});

test('a row outside the cache or the vocabulary is refused', async () => {
  const model = await loadModel(`${ARCHITECTURES}/llama-2`, 'causal-lm');
  const parts = fusedParts(model, 41);
  const decoder = parts === null ? null : makeDecoder(parts, SIZE);
  const rows = [
    { token: model.config.vocab, slot: 0, position: 0 },
    { token: 0, slot: SIZE.slots, position: 0 },
    { token: 0, slot: 0, position: SIZE.capacity },
    { token: 0.5, slot: 0, position: 0 },
  ];
  for (const row of rows) expect(() => decoder?.extend([row])).toThrow(expect.objectContaining({ code: 'internal' }));
  decoder?.dispose();
  model.dispose();
});

test('every back end draws the same greedy tokens, none keeping a tensor', async () => {
  const drawn: number[][] = [];
  for (const backend of await presentBackends()) {
    await startEngine({ backend, threads: 1 });
    const model = await loadModel(`${ARCHITECTURES}/qwen3`, 'causal-lm');
    const before = tf.memory().numTensors;
    const decoder = openDecoder(model, SIZE);
    const results = await drawsOf(decoder, model.config.vocab, 3);
    decoder.dispose();
    expect(tf.memory().numTensors).toBe(before);
    drawn.push(results[3] as number[]);
    model.dispose();
  }
  for (const tokens of drawn) expect(tokens).toEqual(drawn[0]);
  await startEngine({ backend: 'wasm', threads: 3 });
});
