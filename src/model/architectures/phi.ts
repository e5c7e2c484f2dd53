// Phi 1, 1.5 and 2 (Gunasekar et al. 2023): attention and feed-forward layer in parallel, partly rotary heads, layer norms,
// biases everywhere. Phi 3 (Abdin et al. 2024): Llama whose products are fused.
import { z } from 'zod';
import { parseWith } from '../../core/jsonl.ts';
import { type Architecture, aboveZero, contextLength, positive, slidingOf } from './fields.ts';
import { DECODER_FIELDS, decoderConfig, LLAMA_MODULES } from './llama.ts';

const PhiFields = z.looseObject({
  ...DECODER_FIELDS,
  max_position_embeddings: contextLength.default(2048),
  hidden_act: z.string().default('gelu_new'),
  layer_norm_eps: aboveZero.default(1e-5),
  partial_rotary_factor: aboveZero.max(1).nullable().default(0.5),
  qk_layernorm: z.boolean().default(false),
});

export const phi: Architecture = {
  modelType: 'phi',
  causalLm: 'PhiForCausalLM',
  classifier: 'PhiForSequenceClassification',
  parse(value, where) {
    const fields = parseWith(PhiFields, value, where);
    return {
      ...decoderConfig(fields, where, { modelType: 'phi', activation: fields.hidden_act }),
      norm: 'layer',
      normEpsilon: fields.layer_norm_eps,
      isParallel: true,
      biases: { attentionInput: true, attentionOutput: true, feedForward: true, output: true },
      modules: {
        ...LLAMA_MODULES,
        finalNorm: 'final_layernorm',
        feedForwardNorm: null,
        attentionOutput: 'self_attn.dense',
        headNorms: fields.qk_layernorm ? { query: 'self_attn.q_layernorm', key: 'self_attn.k_layernorm' } : null,
        feedForward: { up: 'mlp.fc1' },
        down: 'mlp.fc2',
      },
    };
  },
};

const Phi3Fields = z.looseObject({
  ...DECODER_FIELDS,
  rms_norm_eps: aboveZero.default(1e-5),
  max_position_embeddings: contextLength.default(4096),
  hidden_act: z.string().default('silu'),
  sliding_window: positive.nullish(),
});

export const phi3: Architecture = {
  modelType: 'phi3',
  causalLm: 'Phi3ForCausalLM',
  classifier: 'Phi3ForSequenceClassification',
  parse(value, where) {
    const fields = parseWith(Phi3Fields, value, where);
    const allLayers = new Array<boolean>(fields.num_hidden_layers).fill(true);
    return {
      ...decoderConfig(fields, where, { modelType: 'phi3', activation: fields.hidden_act }),
      ...slidingOf(null, fields.sliding_window, allLayers),
      modules: {
        ...LLAMA_MODULES,
        attention: { fused: 'self_attn.qkv_proj' },
        feedForward: { fused: 'mlp.gate_up_proj' },
      },
    };
  },
};
