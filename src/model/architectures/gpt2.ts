// GPT-2 (Radford et al. 2019): learned positions, layer norms with bias, GELU, one product for query, key and value, whose
// matrices a file keeps as [in, out].
import { z } from 'zod';
import { parseWith } from '../../core/jsonl.ts';
import {
  type Architecture,
  aboveZero,
  activationOf,
  contextLength,
  headDimOf,
  layerCount,
  positive,
  refuse,
  refuseTrue,
} from './fields.ts';
import { llamaConfig } from './llama.ts';

const Gpt2Fields = z.looseObject({
  vocab_size: positive,
  n_embd: positive,
  n_layer: layerCount,
  n_head: positive,
  n_positions: contextLength.default(1024),
  n_inner: positive.nullish(),
  activation_function: z.string().default('gelu_new'),
  layer_norm_epsilon: aboveZero.default(1e-5),
  scale_attn_weights: z.boolean().default(true),
  scale_attn_by_inverse_layer_idx: z.boolean().default(false),
  add_cross_attention: z.boolean().default(false),
  tie_word_embeddings: z.boolean().default(true),
});

export const gpt2: Architecture = {
  modelType: 'gpt2',
  causalLm: 'GPT2LMHeadModel',
  classifier: 'GPT2ForSequenceClassification',
  parse(value, where) {
    const fields = parseWith(Gpt2Fields, value, where);
    const { add_cross_attention, scale_attn_by_inverse_layer_idx } = fields;
    refuseTrue({ add_cross_attention, scale_attn_by_inverse_layer_idx });
    const { n_embd: hidden, n_head: heads } = fields;
    if (hidden % heads !== 0) refuse('n_head', heads, `to divide n_embd (${hidden})`);
    const headDim = headDimOf({ hidden, heads, kvHeads: heads, headDim: null });
    const shape = {
      ...{ vocab: fields.vocab_size, hidden, layers: fields.n_layer, heads, kvHeads: heads, headDim },
      intermediate: fields.n_inner ?? 4 * hidden,
      maxPositions: fields.n_positions,
      normEpsilon: fields.layer_norm_epsilon,
      ropeTheta: 10_000,
      tieEmbeddings: fields.tie_word_embeddings,
    };
    return {
      ...llamaConfig(shape),
      modelType: 'gpt2',
      norm: 'layer',
      activation: activationOf('activation_function', fields.activation_function),
      positions: 'learned',
      attentionScale: fields.scale_attn_weights ? 1 / Math.sqrt(headDim) : 1,
      biases: { attentionInput: true, attentionOutput: true, feedForward: true, output: false },
      isTransposedInFile: true,
      modules: {
        trunk: 'transformer',
        embedding: 'wte',
        positions: 'wpe',
        layers: 'h',
        finalNorm: 'ln_f',
        attentionNorm: 'ln_1',
        attentionOutputNorm: null,
        feedForwardNorm: 'ln_2',
        feedForwardOutputNorm: null,
        attention: { fused: 'attn.c_attn' },
        attentionOutput: 'attn.c_proj',
        headNorms: null,
        feedForward: { up: 'mlp.c_fc' },
        down: 'mlp.c_proj',
      },
    };
  },
};
