import { startEngine } from '../engine/backend.ts';
import { valueAndGradients } from '../engine/gradients.ts';
import { presentBackends } from '../engine/testing/backends.ts';
import * as tf from '../engine/tf.ts';
import type { ModelConfig } from '../model/config.ts';
import { newModel } from '../model/model.ts';
import { TINY_CONFIG } from '../model/testing/tinyModel.ts';
import { negativeLogLikelihood } from './train.ts';

const backends = await presentBackends();

/** The fused layer, and one made of its parts. */
const MODELS: Record<string, Partial<ModelConfig>> = { llama: {}, 'another activation': { activation: 'gelu' } };

describe.each(backends)('on %s', (backend) => {
  test.each(Object.entries(MODELS))('a micro-batch without a response token adds nothing: %s', async (_, config) => {
    await startEngine({ backend });
    const model = newModel({ ...TINY_CONFIG, ...config } as Parameters<typeof newModel>[0], 3);
    const silent = [
      { ids: [1, 2, 3], isResponseToken: [false, false, false] },
      { ids: [4], isResponseToken: [false] },
    ];
    const before = tf.memory().numTensors;
    // Five tokens in the batch's other micro-batches: Σ over no token / 5 = 0.
    const { value, gradients } = valueAndGradients(model.trained, () => negativeLogLikelihood(model, silent, 5));
    expect(Math.abs((await value.data())[0] as number)).toBe(0);
    for (const [name, gradient] of gradients) {
      const values = Array.from(await gradient.data());
      expect([name, values.length, values.every((slope) => slope === 0)]).toEqual([name, gradient.size, true]);
    }
    tf.dispose([value, ...gradients.values()]);
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });
});
