import { startEngine } from '../engine/backend.ts';
import { valueAndGradients } from '../engine/gradients.ts';
import { embedding } from '../engine/ops/embedding.ts';
import * as tf from '../engine/tf.ts';
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
