// Llama (Touvron et al. 2023): RMSNorm before each block, rotary positions, grouped-query attention, SwiGLU. The other
// decoders are Llama with switches. SmolLM is a Llama by name; so are models made here.
import { z } from 'zod';
import { parseWith } from '../../core/jsonl.ts';
import type { ModelConfig, ModuleNames } from '../config.ts';
import {
  type Architecture,
  aboveZero,
  activationOf,
  contextLength,
  headDimOf,
  layerCount,
  positive,
} from './fields.ts';
import { ROPE_FIELDS, ropeOf, rotaryDimsOf } from './rope.ts';

export const LLAMA_MODULES: ModuleNames = {
  trunk: 'model',
  embedding: 'embed_tokens',
  positions: null,
  layers: 'layers',
  finalNorm: 'norm',
  attentionNorm: 'input_layernorm',
  attentionOutputNorm: null,
  feedForwardNorm: 'post_attention_layernorm',
  feedForwardOutputNorm: null,
  attention: { query: 'self_attn.q_proj', key: 'self_attn.k_proj', value: 'self_attn.v_proj' },
  attentionOutput: 'self_attn.o_proj',
  headNorms: null,
  feedForward: { gate: 'mlp.gate_proj', up: 'mlp.up_proj' },
  down: 'mlp.down_proj',
};

/** What tells one plain Llama from another. */
export type LlamaShape = Pick<
  ModelConfig,
  | 'vocab'
  | 'hidden'
  | 'intermediate'
  | 'layers'
  | 'heads'
  | 'kvHeads'
  | 'headDim'
  | 'maxPositions'
  | 'normEpsilon'
  | 'ropeTheta'
  | 'tieEmbeddings'
>;

/** A Llama of the given shape, every switch at its plain place. */
export function llamaConfig(shape: LlamaShape): ModelConfig {
  return {
    ...shape,
    modelType: 'llama',
    norm: 'rms',
    gainOffset: 0,
    isParallel: false,
    activation: 'silu',
    positions: 'rotary',
    rotaryDims: shape.headDim,
    ropeScaling: { kind: 'default' },
    localRopeTheta: null,
    rotaryLayers: null,
    slidingWindow: null,
    slidingLayers: null,
    attentionScale: 1 / Math.sqrt(shape.headDim),
    attentionSoftcap: null,
    logitSoftcap: null,
    embeddingScale: 1,
    biases: { attentionInput: false, attentionOutput: false, feedForward: false, output: false },
    isTransposedInFile: false,
    modules: LLAMA_MODULES,
    source: null,
  };
}

/** The fields that every decoder of Llama's kind has. */
export const DECODER_FIELDS = {
  vocab_size: positive,
  hidden_size: positive,
  intermediate_size: positive,
  num_hidden_layers: layerCount,
  num_attention_heads: positive,
  num_key_value_heads: positive.nullish(),
  head_dim: positive.nullish(),
  rms_norm_eps: aboveZero.default(1e-6),
  tie_word_embeddings: z.boolean().default(false),
  ...ROPE_FIELDS,
};
const Decoder = z.looseObject(DECODER_FIELDS);

/** What an architecture of Llama's kind assumes where config.json is silent. */
export interface DecoderDefaults {
  modelType: string;
  activation: string;
  ropeTheta?: number;
}

/** A decoder of Llama's kind from config.json's fields, its name and activation given. */
export function decoderConfig(
  fields: z.infer<typeof Decoder>,
  where: string,
  { modelType, activation, ropeTheta }: DecoderDefaults,
): ModelConfig {
  const { hidden_size: hidden, num_attention_heads: heads } = fields;
  const kvHeads = fields.num_key_value_heads ?? heads;
  const headDim = headDimOf({ hidden, heads, kvHeads, headDim: fields.head_dim ?? null });
  const rope = ropeOf(fields, where, ropeTheta);
  const shape = {
    vocab: fields.vocab_size,
    hidden,
    intermediate: fields.intermediate_size,
    layers: fields.num_hidden_layers,
    heads,
    kvHeads,
    headDim,
    maxPositions: fields.max_position_embeddings,
    normEpsilon: fields.rms_norm_eps,
    ropeTheta: rope.ropeTheta,
    tieEmbeddings: fields.tie_word_embeddings,
  };
  return {
    ...llamaConfig(shape),
    modelType,
    activation: activationOf('hidden_act', activation),
    rotaryDims: rotaryDimsOf(headDim, rope.rotaryFactor),
    ropeScaling: rope.ropeScaling,
  };
}

const LlamaFields = z.looseObject({
  ...DECODER_FIELDS,
  max_position_embeddings: contextLength.default(2048),
  hidden_act: z.string().default('silu'),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
});

export const llama: Architecture = {
  modelType: 'llama',
  causalLm: 'LlamaForCausalLM',
  classifier: 'LlamaForSequenceClassification',
  parse(value, where) {
    const fields = parseWith(LlamaFields, value, where);
    const { attention_bias: hasAttentionBias, mlp_bias: feedForward } = fields;
    return {
      ...decoderConfig(fields, where, { modelType: 'llama', activation: fields.hidden_act }),
      biases: { attentionInput: hasAttentionBias, attentionOutput: hasAttentionBias, feedForward, output: false },
    };
  },
};

/** config.json of a Llama that was made here; what was read from a file is written back as it was instead. */
export function llamaFields(config: ModelConfig): Record<string, unknown> {
  return {
    model_type: 'llama',
    vocab_size: config.vocab,
    hidden_size: config.hidden,
    intermediate_size: config.intermediate,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    head_dim: config.headDim,
    max_position_embeddings: config.maxPositions,
    rms_norm_eps: config.normEpsilon,
    rope_theta: config.ropeTheta,
    tie_word_embeddings: config.tieEmbeddings,
    attention_bias: false,
    mlp_bias: false,
    hidden_act: 'silu',
  };
}
