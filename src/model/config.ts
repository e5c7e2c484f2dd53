// The shape of a model, as Hugging Face's config.json writes it. One transformer with switches serves all.
import { join } from 'node:path';
import { z } from 'zod';
import { FourfoldError } from '../core/errors.ts';
import { parseJson, parseWith, readTextFile } from '../core/jsonl.ts';

const SUPPORTED = ['llama'] as const;

const positive = z.int().min(1);

const LlamaConfig = z.looseObject({
  model_type: z.literal('llama'),
  vocab_size: positive,
  hidden_size: positive,
  intermediate_size: positive,
  num_hidden_layers: positive,
  num_attention_heads: positive,
  num_key_value_heads: positive.optional(),
  head_dim: positive.nullish(),
  max_position_embeddings: positive.default(2048),
  rms_norm_eps: z.number().gt(0).default(1e-6),
  rope_theta: z.number().gt(0).optional(),
  rope_parameters: z
    .looseObject({ rope_theta: z.number().gt(0).optional(), rope_type: z.string().optional() })
    .nullish(),
  rope_scaling: z.looseObject({}).nullish(),
  tie_word_embeddings: z.boolean().default(false),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  hidden_act: z.string().default('silu'),
  num_labels: z.int().optional(),
});

/** A transformer's shape; words as in the field: hidden, heads, vocab. */
export interface ModelConfig {
  vocab: number;
  hidden: number;
  /** Width of the feed-forward layer. */
  intermediate: number;
  layers: number;
  heads: number;
  /** Key and value heads; fewer than `heads` where queries share them (grouped-query attention). */
  kvHeads: number;
  headDim: number;
  maxPositions: number;
  normEpsilon: number;
  ropeTheta: number;
  /** True where the output projection is the embedding table. */
  tieEmbeddings: boolean;
}

function refuse(what: string, got: unknown, expected: string): never {
  throw new FourfoldError('unsupported', `config.json: expected ${what} ${expected}, got ${JSON.stringify(got)}.`);
}

function checkSwitches(config: z.infer<typeof LlamaConfig>): void {
  if (config.attention_bias) refuse('attention_bias', true, 'false');
  if (config.mlp_bias) refuse('mlp_bias', true, 'false');
  if (config.hidden_act !== 'silu') refuse('hidden_act', config.hidden_act, '"silu"');
  const ropeType = config.rope_parameters?.rope_type ?? 'default';
  if (ropeType !== 'default') refuse('rope_parameters.rope_type', ropeType, '"default"');
  if (config.rope_scaling && (config.rope_scaling.rope_type ?? config.rope_scaling.type ?? 'default') !== 'default') {
    refuse('rope_scaling', config.rope_scaling, 'null');
  }
}

/** @throws unsupported for an architecture or switch that is not served, by name; bad-input for a malformed one. */
export function parseModelConfig(value: unknown, where: string): ModelConfig {
  const { model_type: modelType } = parseWith(z.looseObject({ model_type: z.string() }), value, where);
  if (!SUPPORTED.some((name) => name === modelType)) {
    refuse('model_type', modelType, `one of ${SUPPORTED.join(', ')}`);
  }
  const config = parseWith(LlamaConfig, value, where);
  checkSwitches(config);
  const heads = config.num_attention_heads;
  const kvHeads = config.num_key_value_heads ?? heads;
  if (heads % kvHeads !== 0) refuse('num_key_value_heads', kvHeads, `to divide num_attention_heads (${heads})`);
  const headDim = config.head_dim ?? config.hidden_size / heads;
  if (!Number.isInteger(headDim) || headDim % 2 !== 0) refuse('head_dim', headDim, 'to be an even whole number');
  return {
    vocab: config.vocab_size,
    hidden: config.hidden_size,
    intermediate: config.intermediate_size,
    layers: config.num_hidden_layers,
    heads,
    kvHeads,
    headDim,
    maxPositions: config.max_position_embeddings,
    normEpsilon: config.rms_norm_eps,
    ropeTheta: config.rope_parameters?.rope_theta ?? config.rope_theta ?? 10_000,
    tieEmbeddings: config.tie_word_embeddings,
  };
}

/** Reads the config.json of a model folder. @throws as parseModelConfig, and not-found. */
export async function readModelConfig(dir: string): Promise<ModelConfig> {
  const path = join(dir, 'config.json');
  return parseModelConfig(parseJson(await readTextFile(path), path), path);
}

/** The config.json of a model made here, under Hugging Face's names. */
export function toHuggingFaceConfig(
  config: ModelConfig,
  {
    architecture,
    bosId,
    eosId,
    padId,
  }: {
    architecture: 'LlamaForCausalLM' | 'LlamaForSequenceClassification';
    bosId: number | null;
    eosId: number | null;
    /** Null where the tokenizer names no pad token. */
    padId: number | null;
  },
): Record<string, unknown> {
  return {
    architectures: [architecture],
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
    bos_token_id: bosId,
    eos_token_id: eosId,
    // A pad token beyond the embedding table would keep transformers from loading the model.
    pad_token_id: padId !== null && padId < config.vocab ? padId : null,
    torch_dtype: 'float32',
    ...(architecture === 'LlamaForSequenceClassification' ? { num_labels: 1 } : {}),
  };
}
