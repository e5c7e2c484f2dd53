import { packagePath } from '../core/packageRoot.ts';
import { llamaConfig } from './architectures/llama.ts';
import { parseModelConfig, readModelConfig, toHuggingFaceConfig } from './configFile.ts';

const LLAMA = {
  model_type: 'llama',
  vocab_size: 100,
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
};
const parse = (changes: Record<string, unknown>) => parseModelConfig({ ...LLAMA, ...changes }, 'config.json');

test('a short configuration gets the defaults of the format', () => {
  // headDim: 32 / 4 = 8
  const shape = {
    ...{ vocab: 100, hidden: 32, intermediate: 64, layers: 2, heads: 4, kvHeads: 4, headDim: 8 },
    ...{ maxPositions: 2048, normEpsilon: 1e-6, ropeTheta: 10_000, tieEmbeddings: false },
  };
  expect(parse({})).toEqual({ ...llamaConfig(shape), source: LLAMA });
});

test('the base of the rotary positions is read from its old place and its new one', () => {
  expect(parse({ rope_theta: 500 }).ropeTheta).toBe(500);
  expect(parse({ rope_parameters: { rope_type: 'default', rope_theta: 700 } }).ropeTheta).toBe(700);
  const nulls = { rope_parameters: null, rope_scaling: null, head_dim: null };
  expect({ ...parse(nulls), source: LLAMA }).toEqual(parse({}));
});

test('heads may be shared, and wider than their part of hidden', () => {
  expect(parse({ num_key_value_heads: 2, head_dim: 12 })).toMatchObject({ kvHeads: 2, headDim: 12 });
});

test.each(['bloom', 'gpt_neox', 'toString', ''])('the architecture %j is refused by name', (name) => {
  expect(() => parse({ model_type: name })).toThrow(
    expect.objectContaining({ code: 'unsupported', message: expect.stringContaining(`got ${JSON.stringify(name)}`) }),
  );
});

test.each([
  ['hidden_act', 'tanh'],
  ['hidden_act', 'constructor'],
  ['rope_parameters', { rope_type: 'longrope', factor: 8 }],
  ['rope_scaling', { type: 'toString', factor: 2 }],
  ['num_key_value_heads', 3],
  // 5 is odd: rotary positions turn pairs.
  ['head_dim', 5],
])('%s %j is refused, since the numbers would be wrong', (name, value) => {
  expect(() => parse({ [name]: value })).toThrow(
    expect.objectContaining({ code: 'unsupported', message: expect.stringContaining(name) }),
  );
});

test('hidden that heads do not divide needs a head_dim', () => {
  // 30 / 4 = 7.5
  expect(() => parse({ hidden_size: 30 })).toThrow(/head_dim.*7.5/);
  expect(parse({ hidden_size: 30, head_dim: 8 }).headDim).toBe(8);
});

test.each([
  ['vocab_size', 0],
  ['hidden_size', -32],
  ['num_hidden_layers', 1.5],
  ['num_attention_heads', '4'],
  ['rms_norm_eps', 0],
  ['rope_theta', -1],
  ['rope_parameters', { rope_type: 'llama3', factor: 8 }],
  ['rope_scaling', { type: 'linear' }],
  ['tie_word_embeddings', 'yes'],
])('%s %j is malformed', (name, value) => {
  expect(() => parse({ [name]: value })).toThrow(
    expect.objectContaining({ code: 'bad-input', message: expect.stringMatching(new RegExp(`config.json.*${name}`)) }),
  );
});

test.each([null, 3, [], {}, { model_type: 3 }])('%j is no configuration', (value) => {
  expect(() => parseModelConfig(value, 'config.json')).toThrow(expect.objectContaining({ code: 'bad-input' }));
});

test('what is written is read back the same', async () => {
  const config = await readModelConfig(packagePath('data', 'goldens', 'llamas', 'untied'));
  expect(config).toMatchObject({ headDim: 12, ropeTheta: 500, normEpsilon: 1e-3, tieEmbeddings: false });
  const written = toHuggingFaceConfig(config, { head: 'causal-lm', bosId: 0, eosId: 1, padId: 5 });
  expect(written).toMatchObject({ vocab_size: 96, bos_token_id: 0, eos_token_id: 1, pad_token_id: 5 });
  const { source, ...rest } = config;
  expect(parseModelConfig(JSON.parse(JSON.stringify(written)), 'config.json')).toMatchObject(rest);
  // Fields that the toolkit does not know stay.
  expect(written).toEqual({ ...source, bos_token_id: 0, eos_token_id: 1, pad_token_id: 5, dtype: 'float32' });
});

test.each([null, 96])(
  'pad token %j is written as none: there is none, or it is beyond the 96 embeddings',
  async (padId) => {
    const config = await readModelConfig(packagePath('data', 'goldens', 'llamas', 'untied'));
    const tokens = { bosId: 0, eosId: 1, padId };
    expect(toHuggingFaceConfig(config, { head: 'causal-lm', ...tokens }).pad_token_id).toBeNull();
  },
);

test('a missing file is named', async () => {
  await expect(readModelConfig('/nowhere')).rejects.toMatchObject({ code: 'not-found' });
});
