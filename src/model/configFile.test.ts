import { packagePath } from '../core/packageRoot.ts';
import { llamaConfig } from './architectures/llama.ts';
import { configText, parseModelConfig, readModelConfig } from './configFile.ts';

const LLAMA = {
  model_type: 'llama',
  vocab_size: 100,
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
};
const parse = (changes: object) => parseModelConfig(JSON.stringify({ ...LLAMA, ...changes }), 'config.json');

test('a short configuration gets the defaults of the format', () => {
  // headDim: 32 / 4 = 8
  const shape = {
    ...{ vocab: 100, hidden: 32, intermediate: 64, layers: 2, heads: 4, kvHeads: 4, headDim: 8 },
    ...{ maxPositions: 2048, normEpsilon: 1e-6, ropeTheta: 10_000, tieEmbeddings: false },
  };
  expect(parse({})).toEqual({ ...llamaConfig(shape), source: JSON.stringify(LLAMA) });
});

test('the base of the rotary positions is read from its old place and its new one', () => {
  expect(parse({ rope_theta: 500 }).ropeTheta).toBe(500);
  expect(parse({ rope_parameters: { rope_type: 'default', rope_theta: 700 } }).ropeTheta).toBe(700);
  const nulls = { rope_parameters: null, rope_scaling: null, head_dim: null };
  expect({ ...parse(nulls), source: JSON.stringify(LLAMA) }).toEqual(parse({}));
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
  expect(() => parseModelConfig(JSON.stringify(value), 'config.json')).toThrow(
    expect.objectContaining({ code: 'bad-input' }),
  );
});

test('what is written is read back the same', async () => {
  const config = await readModelConfig(packagePath('data', 'goldens', 'llamas', 'untied'));
  expect(config).toMatchObject({ headDim: 12, ropeTheta: 500, normEpsilon: 1e-3, tieEmbeddings: false });
  const written = configText(config, { head: 'causal-lm', bosId: 0, eosId: 1, padId: 5 });
  expect(JSON.parse(written)).toMatchObject({ vocab_size: 96, bos_token_id: 0, eos_token_id: 1, pad_token_id: 5 });
  expect({ ...parseModelConfig(written, 'config.json'), source: config.source }).toEqual(config);
});

test("fields that are not the toolkit's to change stay, floats that are whole numbers too", () => {
  const text =
    '{"model_type":"llama","rope_theta":500.0,"rms_norm_eps":1e-5,"note":"1.0 \\"2.0\\"","mine":[1,2.0,{"x":-3E2}],';
  const sizes = '"vocab_size":8,"hidden_size":8,"intermediate_size":8,"num_hidden_layers":1,"num_attention_heads":2,';
  const config = parseModelConfig(`${text}${sizes}"dtype":"bfloat16","eos_token_id":[1,2],"bos_token_id":7}`, 'x');
  const tokens = { bosId: null, eosId: 2, padId: null };
  const written = configText(config, { head: 'scalar', ...tokens });
  const { architectures, num_labels, pad_token_id, ...kept } = JSON.parse(written);
  expect([architectures, num_labels, pad_token_id]).toEqual([['LlamaForSequenceClassification'], 1, null]);
  expect(kept).toEqual({ ...JSON.parse(config.source ?? ''), dtype: 'float32' });
  for (const literal of ['"rope_theta": 500.0', '"rms_norm_eps": 0.00001', '2.0,', '"x": -3E2', '"vocab_size": 8,']) {
    expect(written).toContain(literal);
  }
  // A classifier's labels go where the head goes.
  const back = configText(parseModelConfig(written, 'x'), { head: 'causal-lm', ...tokens });
  expect(back).not.toContain('num_labels');
});

test.each([null, 96])(
  'pad token %j is written as none: there is none, or it is beyond the 96 embeddings',
  async (padId) => {
    const config = await readModelConfig(packagePath('data', 'goldens', 'llamas', 'untied'));
    const tokens = { bosId: 0, eosId: 1, padId };
    expect(JSON.parse(configText(config, { head: 'causal-lm', ...tokens })).pad_token_id).toBeNull();
  },
);

test('a missing file is named', async () => {
  await expect(readModelConfig('/nowhere')).rejects.toMatchObject({ code: 'not-found' });
});
