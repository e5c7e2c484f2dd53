// Gemma (Gemma Team 2024): Llama with gains stored less one, scaled embeddings and a GELU gate. Gemma 2 adds norms on what
// each block gives, caps on scores and logits, a window in every other layer; Gemma 3 norms the heads of query and key and
// turns its local layers at a base of their own. Text models only.
import { z } from 'zod';
import { parseWith } from '../../core/jsonl.ts';
import type { ModelConfig, ModuleNames } from '../config.ts';
import { type Architecture, aboveZero, contextLength, positive, refuse, refuseTrue, slidingOf } from './fields.ts';
import { DECODER_FIELDS, decoderConfig, LLAMA_MODULES } from './llama.ts';
import { RopeParameters } from './rope.ts';

const GEMMA_FIELDS = {
  ...DECODER_FIELDS,
  head_dim: positive.nullable().default(256),
  max_position_embeddings: contextLength.default(8192),
  tie_word_embeddings: z.boolean().default(true),
  attention_bias: z.boolean().default(false),
  use_bidirectional_attention: z.boolean().nullish(),
  hidden_activation: z.string().nullish(),
};
const GemmaFields = z.looseObject({ ...GEMMA_FIELDS, hidden_act: z.string().nullish() });

/** What all Gemmas share. */
function gemmaConfig(
  modelType: string,
  fields: z.infer<typeof GemmaFields>,
  where: string,
  ropeTheta?: number,
): ModelConfig {
  const { attention_bias: hasBias, use_bidirectional_attention } = fields;
  refuseTrue({ use_bidirectional_attention });
  const named = fields.hidden_activation ?? (modelType === 'gemma' ? fields.hidden_act : null);
  // The first releases say gelu and mean its tanh formula; transformers takes it so too.
  const activation = named == null || (modelType === 'gemma' && named === 'gelu') ? 'gelu_pytorch_tanh' : named;
  return {
    ...decoderConfig(fields, where, { modelType, activation, ...(ropeTheta === undefined ? {} : { ropeTheta }) }),
    gainOffset: 1,
    embeddingScale: Math.sqrt(fields.hidden_size),
    biases: { attentionInput: hasBias, attentionOutput: hasBias, feedForward: false, output: false },
  };
}

export const gemma: Architecture = {
  modelType: 'gemma',
  causalLm: 'GemmaForCausalLM',
  classifier: 'GemmaForSequenceClassification',
  parse: (value, where) => gemmaConfig('gemma', parseWith(GemmaFields, value, where), where),
};

const SANDWICH_MODULES: ModuleNames = {
  ...LLAMA_MODULES,
  attentionOutputNorm: 'post_attention_layernorm',
  feedForwardNorm: 'pre_feedforward_layernorm',
  feedForwardOutputNorm: 'post_feedforward_layernorm',
};

const GEMMA2_FIELDS = {
  ...GEMMA_FIELDS,
  query_pre_attn_scalar: aboveZero.default(256),
  sliding_window: positive.nullable().default(4096),
  layer_types: z.array(z.string()).nullish(),
};
const Gemma2Fields = z.looseObject({
  ...GEMMA2_FIELDS,
  final_logit_softcapping: aboveZero.nullable().default(30),
  attn_logit_softcapping: aboveZero.nullable().default(50),
});

/** Scale, caps and window of Gemma 2 and 3; every layer but each `pattern`-th is local. */
function boundsOf(fields: z.infer<typeof Gemma2Fields>, pattern: number): Partial<ModelConfig> {
  const isSliding = Array.from({ length: fields.num_hidden_layers }, (_, layer) => (layer + 1) % pattern !== 0);
  return {
    attentionScale: 1 / Math.sqrt(fields.query_pre_attn_scalar),
    attentionSoftcap: fields.attn_logit_softcapping,
    logitSoftcap: fields.final_logit_softcapping,
    ...slidingOf(fields.layer_types, fields.sliding_window, isSliding),
  };
}

export const gemma2: Architecture = {
  modelType: 'gemma2',
  causalLm: 'Gemma2ForCausalLM',
  classifier: 'Gemma2ForSequenceClassification',
  parse(value, where) {
    const fields = parseWith(Gemma2Fields, value, where);
    return { ...gemmaConfig('gemma2', fields, where), ...boundsOf(fields, 2), modules: SANDWICH_MODULES };
  },
};

const ByLayerType = z.looseObject({
  full_attention: RopeParameters.nullish(),
  sliding_attention: RopeParameters.nullish(),
});
const Gemma3Fields = z.looseObject({
  ...GEMMA2_FIELDS,
  max_position_embeddings: contextLength.default(131_072),
  final_logit_softcapping: aboveZero.nullable().default(null),
  attn_logit_softcapping: aboveZero.nullable().default(null),
  rope_parameters: ByLayerType.nullish(),
  rope_local_base_freq: aboveZero.nullish(),
  sliding_window_pattern: positive.nullish(),
});

export const gemma3: Architecture = {
  modelType: 'gemma3_text',
  causalLm: 'Gemma3ForCausalLM',
  classifier: 'Gemma3TextForSequenceClassification',
  parse(value, where) {
    const { rope_parameters: rope, ...fields } = parseWith(Gemma3Fields, value, where);
    const localKind = rope?.sliding_attention?.rope_type ?? 'default';
    if (localKind !== 'default') refuse('rope_parameters.sliding_attention.rope_type', localKind, '"default"');
    const global = { ...fields, rope_parameters: rope?.full_attention };
    return {
      ...gemmaConfig('gemma3_text', global, where, 1_000_000),
      ...boundsOf(global, fields.sliding_window_pattern ?? 6),
      localRopeTheta: rope?.sliding_attention?.rope_theta ?? fields.rope_local_base_freq ?? 10_000,
      modules: { ...SANDWICH_MODULES, headNorms: { query: 'self_attn.q_norm', key: 'self_attn.k_norm' } },
    };
  },
};
