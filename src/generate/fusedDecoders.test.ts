// Fused decoders against the general one, which goes operation by operation, on each back end that has them.
import { startEngine } from '../engine/backend.ts';
import { expectAllClose } from '../engine/testing/allClose.ts';
import { presentBackends } from '../engine/testing/backends.ts';
import * as tf from '../engine/tf.ts';
import { llamaConfig } from '../model/architectures/llama.ts';
import { newModel } from '../model/model.ts';
import { GeneralDecoder } from './generalDecoder.ts';
import { openFusedDecoder } from './openDecoder.ts';

const backends = (await presentBackends()).filter((backend) => backend !== 'cpu');

const RULES = [
  { temperature: 1, topK: 0, topP: 1 },
  { temperature: 0, topK: 0, topP: 1 },
  { temperature: 1.5, topK: 20, topP: 0.9 },
];

test.each(backends)(
  'on %s: tokens, log-probabilities and entropies of a Llama with grouped queries',
  async (backend) => {
    await startEngine({ backend });
    const config = llamaConfig({
      ...{ vocab: 97, hidden: 24, intermediate: 40, layers: 3, heads: 6, kvHeads: 2, headDim: 8, maxPositions: 64 },
      ...{ normEpsilon: 1e-5, ropeTheta: 10_000, tieEmbeddings: false },
    });
    const model = newModel(config, 3);
    const size = { slots: 5, capacity: 40 };
    const before = tf.memory().numTensors;
    const fused = openFusedDecoder(model, size);
    // webgpu has none.
    if (fused === null) return expect(backend).toBe('webgpu');
    const general = new GeneralDecoder(model, size);
    const prompts = [[5, 9, 2, 7, 1, 3], [8], [4, 4, 90, 12, 11, 10, 9, 8, 7, 6, 5], [1, 2, 3]];
    for (const decoder of [fused, general]) {
      decoder.begin(prompts.map((ids, slot) => ({ slot, ids })));
      decoder.copy(2, 4, 2);
    }
    const starts = [...prompts.map((ids) => ids.length), 2];
    for (let step = 0; step < 12; step++) {
      const rule = RULES[step % RULES.length] ?? { temperature: 1, topK: 0, topP: 1 };
      const all = starts.map((start, slot) => ({ slot, position: start + step, token: (slot * 31 + step * 7) % 97 }));
      // All slots in their order, then some of them, in another.
      const rows = step < 6 ? all : all.filter(({ slot }) => slot !== 1).reverse();
      // The first slot alone goes on from what the others have left out.
      const uniforms = rows.map((_, i) => ((i + 1) * (step + 1) * 0.137) % 1);
      const [a, b] = [await fused.draw(rows, uniforms, rule), await general.draw(rows, uniforms, rule)];
      expect(Array.from(a.tokens)).toEqual(Array.from(b.tokens));
      for (const key of ['logProbs', 'entropy'] as const) {
        const shape = [rows.length];
        expectAllClose({ shape, data: a[key] }, { shape, data: b[key] }, { relative: 1e-5 });
      }
    }
    fused.dispose();
    general.dispose();
    expect(tf.memory().numTensors).toBe(before);
  },
);
