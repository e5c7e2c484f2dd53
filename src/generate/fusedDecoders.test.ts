// Fused decoders against the general one, which goes operation by operation, on each back end that has them. On wasm they
// agree to the last bit (openDecoder.test.ts); elsewhere to rounding.
import { packagePath } from '../core/packageRoot.ts';
import { startEngine } from '../engine/backend.ts';
import { expectAllClose } from '../engine/testing/allClose.ts';
import { presentBackends } from '../engine/testing/backends.ts';
import * as tf from '../engine/tf.ts';
import { type LlamaShape, llamaConfig } from '../model/architectures/llama.ts';
import { loadModel, type Model, newModel } from '../model/model.ts';
import { GeneralDecoder } from './generalDecoder.ts';
import { openFusedDecoder } from './openDecoder.ts';

const backends = (await presentBackends()).filter((backend) => backend !== 'cpu');

const RULES = [
  { temperature: 1, topK: 0, topP: 1 },
  { temperature: 0, topK: 0, topP: 1 },
  { temperature: 1.5, topK: 20, topP: 0.9 },
];

const architecture = (name: string) => (): Promise<Model> =>
  loadModel(packagePath('data', 'goldens', 'architectures', name), 'causal-lm');
const shape = (more: Partial<LlamaShape>) => async (): Promise<Model> =>
  newModel(
    llamaConfig({
      ...{ vocab: 97, hidden: 24, intermediate: 40, layers: 3, heads: 6, kvHeads: 2, headDim: 8, maxPositions: 64 },
      ...{ normEpsilon: 1e-5, ropeTheta: 10_000, tieEmbeddings: false },
      ...more,
    }),
    3,
  );

const MODELS: [string, () => Promise<Model>][] = [
  ['grouped queries', shape({})],
  ['one layer and one head', shape({ layers: 1, heads: 1, kvHeads: 1, headDim: 2 })],
  ['tied embeddings and odd sizes', shape({ hidden: 9, intermediate: 7, heads: 3, kvHeads: 3, tieEmbeddings: true })],
  ['qwen2, with biases', architecture('qwen2')],
  ['qwen3, with norms of heads', architecture('qwen3')],
];

describe.each(backends)('on %s', (backend) => {
  test.each(MODELS)('%s: the draws of both decoders', async (_, open) => {
    await startEngine({ backend });
    const model = await open();
    const size = { slots: 5, capacity: 40 };
    const before = tf.memory().numTensors;
    const fused = openFusedDecoder(model, size);
    if (fused === null) {
      model.dispose();
      return expect(backend).toBe('webgpu');
    }
    const general = new GeneralDecoder(model, size);
    const prompts = [[5, 9, 2, 7, 1, 3], [8], [4, 4, 9, 12, 11, 10, 9, 8, 7, 6, 5], [1, 2, 3]];
    for (const decoder of [fused, general]) {
      decoder.begin(prompts.map((ids, slot) => ({ slot, ids })));
      decoder.copy(2, 4, 2);
    }
    const starts = [...prompts.map((ids) => ids.length), 2];
    const { vocab } = model.config;
    for (let step = 0; step < 12; step++) {
      const rule = RULES[step % RULES.length] as (typeof RULES)[number];
      const all = starts.map((start, slot) => ({
        slot,
        position: start + step,
        token: (slot * 31 + step * 7) % vocab,
      }));
      // All slots in their order, then some of them in another.
      const rows = step < 6 ? all : all.filter(({ slot }) => slot !== 1).reverse();
      const uniforms = rows.map((_row, i) => ((i + 1) * (step + 1) * 0.137) % 1);
      const [a, b] = [await fused.draw(rows, uniforms, rule), await general.draw(rows, uniforms, rule)];
      expect(Array.from(a.tokens)).toEqual(Array.from(b.tokens));
      for (const key of ['logProbs', 'entropy'] as const) {
        const of = [rows.length];
        expectAllClose({ shape: of, data: a[key] }, { shape: of, data: b[key] }, { relative: 1e-5 });
      }
    }
    fused.dispose();
    general.dispose();
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });
});
