// Qwen2 (Yang et al. 2024): Llama with biases on query, key and value. Qwen3 (Yang et al. 2025): norms of each head of query
// and key instead.
import { z } from 'zod';
import { parseWith } from '../../core/jsonl.ts';
import type { ModelConfig } from '../config.ts';
import { type Architecture, contextLength, positive, slidingOf } from './fields.ts';
import { DECODER_FIELDS, decoderConfig, LLAMA_MODULES } from './llama.ts';

const QwenFields = z.looseObject({
  ...DECODER_FIELDS,
  max_position_embeddings: contextLength.default(32_768),
  hidden_act: z.string().default('silu'),
  use_sliding_window: z.boolean().default(false),
  sliding_window: positive.nullable().default(4096),
  max_window_layers: z.int().min(0).default(28),
  layer_types: z.array(z.string()).nullish(),
  attention_bias: z.boolean().default(false),
});

function qwenConfig(modelType: string, fields: z.infer<typeof QwenFields>, where: string): ModelConfig {
  const isSliding = Array.from({ length: fields.num_hidden_layers }, (_, layer) => layer >= fields.max_window_layers);
  const window = fields.use_sliding_window ? fields.sliding_window : null;
  return {
    ...decoderConfig(fields, where, { modelType, activation: fields.hidden_act }),
    ...slidingOf(fields.layer_types, window, isSliding),
  };
}

export const qwen2: Architecture = {
  modelType: 'qwen2',
  causalLm: 'Qwen2ForCausalLM',
  classifier: 'Qwen2ForSequenceClassification',
  parse(value, where) {
    const config = qwenConfig('qwen2', parseWith(QwenFields, value, where), where);
    return { ...config, biases: { ...config.biases, attentionInput: true } };
  },
};

export const qwen3: Architecture = {
  modelType: 'qwen3',
  causalLm: 'Qwen3ForCausalLM',
  classifier: 'Qwen3ForSequenceClassification',
  parse(value, where) {
    const fields = parseWith(QwenFields.extend({ head_dim: positive.nullable().default(128) }), value, where);
    const config = qwenConfig('qwen3', fields, where);
    const hasBias = fields.attention_bias;
    return {
      ...config,
      biases: { ...config.biases, attentionInput: hasBias, attentionOutput: hasBias },
      modules: { ...LLAMA_MODULES, headNorms: { query: 'self_attn.q_norm', key: 'self_attn.k_norm' } },
    };
  },
};
