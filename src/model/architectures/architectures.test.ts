import { parseModelConfig } from '../configFile.ts';

const SIZES = {
  vocab_size: 100,
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
};
const GPT2 = { model_type: 'gpt2', vocab_size: 100, n_embd: 32, n_layer: 2, n_head: 4 };
const parse = (modelType: string, fields: object = {}) =>
  parseModelConfig(JSON.stringify({ ...SIZES, model_type: modelType, ...fields }), 'config.json');

test('what is not served is refused by name, with the list of what is', () => {
  const served = 'llama, mistral, qwen2, qwen3, smollm3, gpt2, phi, phi3, gemma, gemma2, gemma3_text';
  expect(() => parse('bloom')).toThrow(`config.json: expected model_type one of ${served}, got "bloom".`);
});

test.each([
  ['gpt2', { ...GPT2, add_cross_attention: true }, 'add_cross_attention'],
  ['gpt2', { ...GPT2, scale_attn_by_inverse_layer_idx: true }, 'scale_attn_by_inverse_layer_idx'],
  ['gpt2', { ...GPT2, n_head: 5 }, 'n_head'],
  ['gpt2', { ...GPT2, activation_function: 'mish' }, 'activation_function'],
  ['gemma', { use_bidirectional_attention: true }, 'use_bidirectional_attention'],
  ['gemma3_text', { rope_parameters: { sliding_attention: { rope_type: 'linear', factor: 2 } } }, 'sliding_attention'],
  ['phi', { partial_rotary_factor: 0.4 }, 'partial_rotary_factor'],
  ['phi3', { rope_scaling: { type: 'longrope' } }, 'rope_scaling'],
  ['qwen3', { layer_types: ['full_attention', 'linear_attention'] }, 'linear_attention'],
  ['qwen2', { layer_types: ['full_attention'], use_sliding_window: true }, 'layer_types'],
  ['smollm3', { no_rope_layers: [1, 0] }, 'no_rope_layers'],
])('%s: a switch that would make the numbers wrong is refused: %j', (modelType, fields, named) => {
  expect(() => parse(modelType, fields)).toThrow(
    expect.objectContaining({ code: 'unsupported', message: expect.stringContaining(named) }),
  );
});

test.each([
  ['mistral', { num_hidden_layers: 2 ** 40 }, 'num_hidden_layers'],
  ['gpt2', { ...GPT2, n_layer: 1e9 }, 'n_layer'],
  ['llama', { max_position_embeddings: 1e12 }, 'max_position_embeddings'],
])('%s: an absurd count is refused before anything is made of it: %j', (modelType, fields, named) => {
  expect(() => parse(modelType, fields)).toThrow(
    expect.objectContaining({ code: 'bad-input', message: expect.stringContaining(named) }),
  );
});

test('sliding windows: by architecture, by layer, and none', () => {
  const windowsOf = ({ slidingWindow, slidingLayers }: ReturnType<typeof parse>) => [slidingWindow, slidingLayers];
  expect(windowsOf(parse('mistral', { sliding_window: 7 }))).toEqual([7, null]);
  expect(windowsOf(parse('mistral', { sliding_window: null }))).toEqual([null, null]);
  expect(windowsOf(parse('qwen2', { sliding_window: 7 }))).toEqual([null, null]);
  const late = { sliding_window: 7, use_sliding_window: true, max_window_layers: 3 };
  expect(windowsOf(parse('qwen2', late))).toEqual([7, [false, false, false, true]]);
  expect(windowsOf(parse('gemma2'))).toEqual([4096, [true, false, true, false]]);
  expect(windowsOf(parse('gemma3_text', { sliding_window: 8 }))).toEqual([8, null]);
});

test('positions: SmolLM3 leaves out every fourth layer, Phi turns half of a head, Gemma 3 has two bases', () => {
  expect(parse('smollm3')).toMatchObject({ rotaryLayers: [true, true, true, false], ropeTheta: 2e6 });
  // 32 / 4 = 8 dimensions a head, half of them turned.
  expect(parse('phi')).toMatchObject({ headDim: 8, rotaryDims: 4, isParallel: true });
  expect(parse('gemma3_text', { rope_local_base_freq: 50 })).toMatchObject({ ropeTheta: 1e6, localRopeTheta: 50 });
});

test('the scale of attention and of embeddings', () => {
  // 1/sqrt(16), sqrt(32)
  const gemma2 = parse('gemma2', { query_pre_attn_scalar: 16 });
  expect(gemma2).toMatchObject({ attentionScale: 0.25, attentionSoftcap: 50, logitSoftcap: 30, gainOffset: 1 });
  expect(gemma2.embeddingScale).toBeCloseTo(5.656854, 6);
  expect(parse('gpt2', { ...GPT2, scale_attn_weights: false }).attentionScale).toBe(1);
});

test('the first Gemmas say gelu and mean its tanh formula; Phi means what it says', () => {
  expect(parse('gemma', { hidden_act: 'gelu' }).activation).toBe('geluTanh');
  expect(parse('gemma', { hidden_act: 'gelu', hidden_activation: 'gelu_pytorch_tanh' }).activation).toBe('geluTanh');
  expect(parse('phi', { hidden_act: 'gelu' }).activation).toBe('gelu');
});
