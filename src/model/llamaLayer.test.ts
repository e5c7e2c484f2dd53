import { startEngine } from '../engine/backend.ts';
import { valueAndGradients } from '../engine/gradients.ts';
import { expectAllClose, type Values, valuesOf } from '../engine/testing/allClose.ts';
import { presentBackends } from '../engine/testing/backends.ts';
import * as tf from '../engine/tf.ts';
import { llamaConfig } from './architectures/llama.ts';
import type { ModelConfig } from './config.ts';
import { fusedLayer } from './llamaLayer.ts';
import { type Model, newModel } from './model.ts';
import { TINY_CONFIG } from './testing/tinyModel.ts';
import { composedLayer } from './transformer.ts';
import type { LayerInput } from './trunk.ts';

const backends = await presentBackends();

interface Case {
  config?: Partial<ModelConfig>;
  batch: number;
  time: number;
  starts?: number[];
  wanted?: number[];
}

const CASES: Record<string, Case> = {
  'two tokens': { batch: 1, time: 2 },
  'left padding': { batch: 3, time: 9, starts: [0, 8, 3] },
  'keys shared by queries': { config: { heads: 6, kvHeads: 2, headDim: 4, hidden: 24 }, batch: 2, time: 7 },
  'a window': { config: { slidingWindow: 3 }, batch: 2, time: 17 },
  'some rows wanted, one of them twice': { batch: 2, time: 33, wanted: [1, 65, 20, 20, 40] },
  'more rows wanted than there are': { batch: 1, time: 2, wanted: [0, 1, 0, 1, 1] },
  'no row wanted': { batch: 2, time: 3, wanted: [] },
  'odd widths': {
    config: { heads: 3, kvHeads: 3, headDim: 14, rotaryDims: 14, hidden: 31, intermediate: 67 },
    batch: 5,
    time: 65,
  },
};

function inputOf(model: Model, { batch, time, starts, wanted }: Case): LayerInput {
  const positions = Int32Array.from({ length: batch * time }, (_, i) => i % time);
  return {
    hidden: tf.randomNormal([batch, time, model.config.hidden], 0, 1, 'float32', 5),
    positions: tf.tensor2d(positions, [batch, time], 'int32'),
    keyStart: tf.tensor1d(starts ?? Array.from({ length: batch }, () => 0), 'int32'),
    wanted: wanted === undefined ? undefined : tf.tensor1d(wanted, 'int32'),
  };
}

/** The layer's output, and the gradients of its hidden states and weights. */
async function evaluate(
  model: Model,
  given: LayerInput,
  layer: (model: Model, input: LayerInput) => tf.Tensor3D,
): Promise<Map<string, Values>> {
  const hidden = tf.variable(given.hidden);
  const own = [...model.parameters].filter(([name]) => name.includes('layers.0.'));
  const output = tf.tidy(() => layer(model, given));
  const { value, gradients } = valueAndGradients(new Map([...own, ['hidden', hidden]]), () => {
    const y = layer(model, { ...given, hidden: hidden as unknown as tf.Tensor3D });
    return tf.sum(tf.mul(y, tf.sin(y))) as tf.Scalar;
  });
  const read = new Map([['output', await valuesOf(output)]]);
  for (const [name, gradient] of gradients) read.set(name, await valuesOf(gradient));
  tf.dispose([output, value, hidden, ...gradients.values()]);
  return read;
}

describe.each(backends.filter((name) => name !== 'cpu'))('the fused layer on %s', (backend) => {
  beforeAll(() => startEngine({ backend }));

  test.each(Object.entries(CASES))('has the values and gradients of its parts: %s', async (_, given) => {
    // TensorFlow without our kernels in C++ has none.
    if (backend === 'tensorflow' && tf.getKernel('FourfoldLlamaLayer', backend) == null) return;
    const config = { vocab: 20, intermediate: 24, layers: 1, maxPositions: 80, ...given.config };
    const model = newModel({ ...TINY_CONFIG, ...config } as Parameters<typeof newModel>[0], 3);
    const input = inputOf(model, given);
    const before = tf.memory().numTensors;
    const fused = await evaluate(model, input, (trunk, own) => {
      const made = fusedLayer(trunk, 0, own);
      if (made === null) throw new Error(`${backend} has no fused layer.`);
      return made;
    });
    expect(tf.memory().numTensors).toBe(before);
    const composed = await evaluate(model, input, (trunk, own) => composedLayer(trunk, 0, own));
    expect([...fused.keys()]).toEqual([...composed.keys()]);
    for (const [name, values] of composed) {
      expectAllClose(fused.get(name) as Values, values, { relative: name === 'output' ? 1e-5 : 1e-4 });
    }
    // Out of the same kernels in the same order: the same bits.
    if (backend === 'wasm') expect(fused).toEqual(composed);
    model.dispose();
  });
});

test('layers of another kind go by their parts', async () => {
  await startEngine({ backend: 'wasm' });
  const model = newModel(llamaConfig({ ...TINY_CONFIG, layers: 1 }), 3);
  const input = inputOf(model, { batch: 1, time: 4 });
  const isFused = (config: Partial<ModelConfig>): boolean =>
    tf.tidy(() => fusedLayer({ ...model, config: { ...model.config, ...config } }, 0, input) !== null);
  expect(isFused({})).toBe(true);
  expect(isFused({ activation: 'gelu' })).toBe(false);
  expect(isFused({ gainOffset: 1 })).toBe(false);
  expect(isFused({ attentionSoftcap: 30 })).toBe(false);
  expect(isFused({ rotaryLayers: [false] })).toBe(false);
  model.dispose();
});
