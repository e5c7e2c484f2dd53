import { startEngine } from '../engine/backend.ts';
import { valueAndGradients } from '../engine/gradients.ts';
import { embedding } from '../engine/ops/embedding.ts';
import * as tf from '../engine/tf.ts';
import { inTraining } from './adapted.ts';
import { makeBatch, type Sequence } from './batch.ts';
import { parseModelConfig } from './configFile.ts';
import { type Model, newModel } from './model.ts';
import { TINY_CONFIG } from './testing/tinyModel.ts';
import { transformer } from './transformer.ts';

const SIZES = { vocab_size: 40, hidden_size: 16, intermediate_size: 24, num_hidden_layers: 2, num_attention_heads: 4 };
const configOf = (fields: object) => parseModelConfig(JSON.stringify({ ...SIZES, ...fields }), 'config.json');
const MODELS = {
  llama: () => newModel(TINY_CONFIG, 3),
  'phi (parallel)': () => newModel(configOf({ model_type: 'phi' }), 3),
  'phi3 (fused)': () => newModel(configOf({ model_type: 'phi3', pad_token_id: 0 }), 3),
};

const SEQUENCES: Sequence[] = [5, 9, 7].map((length, row) => ({
  ids: Array.from({ length }, (_, i) => (7 * i + row) % 40),
  isResponseToken: Array.from({ length }, (_, i) => i > 2),
}));

beforeAll(() => startEngine({ backend: 'wasm' }));

/** Hidden states at the positions that predict a response token: those alone, or picked out of all. */
function wantedStates(model: Model, isAlone: boolean): tf.Tensor {
  const { ids, positions, keyStart, predictAt } = makeBatch(SEQUENCES, model.config.maxPositions);
  const { hidden } = transformer(model, { ids, positions, keyStart, ...(isAlone ? { wanted: predictAt } : {}) });
  const rows = tf.reshape(hidden, [-1, model.config.hidden]);
  return isAlone ? rows : embedding(rows, predictAt);
}

describe.each(Object.entries(MODELS))('wanted positions of %s', (_, make) => {
  test('have the bits that they have among all, and so have the gradients', () => {
    const model = make();
    const evaluated = [true, false].map((isAlone) => {
      const states = tf.tidy(() => wantedStates(model, isAlone));
      const { value, gradients } = valueAndGradients(
        model.parameters,
        () => tf.sum(tf.square(wantedStates(model, isAlone))) as tf.Scalar,
      );
      const read = { states: states.dataSync(), gradients: new Map<string, tf.TypedArray>() };
      for (const [name, gradient] of gradients) read.gradients.set(name, gradient.dataSync());
      tf.dispose([states, value, ...gradients.values()]);
      return read;
    });
    // Predicting positions: columns 2 to length - 2, so 2 + 6 + 4 = 12 of width 16.
    expect(evaluated[0]?.states).toHaveLength(12 * 16);
    expect(evaluated[0]).toEqual(evaluated[1]);
    model.dispose();
  });
});

describe.each(Object.entries(MODELS))('activations of %s computed again', (_, make) => {
  const lossOf = (model: Model) => tf.sum(tf.square(wantedStates(model, true))) as tf.Scalar;

  test('give the same loss and gradients to the bit, and leave no tensor behind', () => {
    const model = make();
    const before = tf.memory().numTensors;
    const evaluated = [false, true].map((recomputes) => {
      const seen = inTraining(model, { dropoutSeed: null, recomputes });
      const { value, gradients } = valueAndGradients(model.trained, () => lossOf(seen));
      const read = [value, ...gradients.values()].map((tensor) => Array.from(tensor.dataSync()));
      tf.dispose([value, ...gradients.values()]);
      return read;
    });
    expect(evaluated[1]).toEqual(evaluated[0]);
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });
});

test('computing activations again takes less memory than keeping them', async () => {
  const model = newModel({ ...TINY_CONFIG, layers: 16, maxPositions: 256 }, 3);
  const ids = Array.from({ length: 250 }, (_, i) => i % 90);
  const batch = makeBatch([{ ids, isResponseToken: ids.map(() => true) }], model.config.maxPositions);
  const peakOf = async (recomputes: boolean) => {
    const seen = inTraining(model, { dropoutSeed: null, recomputes });
    const { peakBytes } = await tf.profile(() => {
      const loss = () => tf.sum(transformer(seen, batch).hidden) as tf.Scalar;
      const { value, gradients } = valueAndGradients(model.trained, loss);
      tf.dispose([...gradients.values()]);
      return value;
    });
    return peakBytes - tf.memory().numBytes;
  };
  const [kept, again] = [await peakOf(false), await peakOf(true)];
  // Of 16 layers, the activations of one at a time and the input of each: less than half.
  expect(again).toBeLessThan(kept / 2);
  model.dispose();
});
