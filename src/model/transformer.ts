// The transformer: ids in, hidden states out. Pure mathematics over parameters; heads and losses lie elsewhere.
// Llama: Touvron et al. (2023). RMSNorm before each block, rotary positions, grouped-query attention, SwiGLU.
import { attention } from '../engine/ops/attention.ts';
import { embedding } from '../engine/ops/embedding.ts';
import { linear } from '../engine/ops/linear.ts';
import { rmsNorm } from '../engine/ops/rmsNorm.ts';
import { type RotaryTables, rotary } from '../engine/ops/rotary.ts';
import { swiglu } from '../engine/ops/swiglu.ts';
import * as tf from '../engine/tf.ts';
import type { ModelConfig } from './config.ts';
import type { LayerCache } from './kvCache.ts';
import { EMBEDDING, FINAL_NORM, type Parameters, parameter } from './parameters.ts';

export interface TransformerInput {
  /** [batch, time] int32 */
  ids: tf.Tensor2D;
  /** [batch, time] int32: position of each id in its own sequence; padding may have any. */
  positions: tf.Tensor2D;
  /** [batch] int32: first valid key of each row (left padding); right padding needs none, being in the future. */
  keyStart: tf.Tensor1D;
  tables: RotaryTables;
  /** Keys and values of what came before, by layer. */
  cache?: ReadonlyArray<LayerCache>;
}

export interface TransformerOutput {
  /** [batch, time, hidden], after the final norm */
  hidden: tf.Tensor3D;
  /** Keys and values by layer, earlier ones included. */
  cache: LayerCache[];
}

interface Shape {
  config: ModelConfig;
  parameters: Parameters;
}

function attentionBlock(
  { config, parameters }: Shape,
  prefix: string,
  input: tf.Tensor3D,
  { positions, keyStart, tables }: TransformerInput,
  past: LayerCache | undefined,
): { output: tf.Tensor3D; cache: LayerCache } {
  const [batch, time] = input.shape;
  const project = (name: string, heads: number) =>
    tf.reshape<tf.Rank.R4>(linear(input, parameter(parameters, `${prefix}.self_attn.${name}_proj.weight`)), [
      batch,
      time,
      heads,
      config.headDim,
    ]);
  const query = rotary(project('q', config.heads), positions, tables);
  const newKey = rotary(project('k', config.kvHeads), positions, tables) as tf.Tensor4D;
  const newValue = project('v', config.kvHeads);
  const key = past === undefined ? newKey : tf.concat([past.key, newKey], 1);
  const value = past === undefined ? newValue : tf.concat([past.value, newValue], 1);
  const mixed = tf.reshape(attention({ query, key, value, keyStart }), [batch, time, config.heads * config.headDim]);
  const output = linear(mixed, parameter(parameters, `${prefix}.self_attn.o_proj.weight`)) as tf.Tensor3D;
  return { output, cache: { key, value } };
}

function feedForward({ parameters }: Shape, prefix: string, input: tf.Tensor3D): tf.Tensor3D {
  const gate = linear(input, parameter(parameters, `${prefix}.mlp.gate_proj.weight`));
  const up = linear(input, parameter(parameters, `${prefix}.mlp.up_proj.weight`));
  return linear(swiglu(gate, up), parameter(parameters, `${prefix}.mlp.down_proj.weight`)) as tf.Tensor3D;
}

/** Hidden states of a batch; call it inside tidy. */
export function transformer(config: ModelConfig, parameters: Parameters, input: TransformerInput): TransformerOutput {
  const shape = { config, parameters };
  const cache: LayerCache[] = [];
  let hidden = embedding(parameter(parameters, EMBEDDING) as tf.Tensor2D, input.ids) as tf.Tensor3D;
  for (let layer = 0; layer < config.layers; layer++) {
    const prefix = `model.layers.${layer}`;
    const norm = (name: string, x: tf.Tensor3D) =>
      rmsNorm(x, parameter(parameters, `${prefix}.${name}.weight`) as tf.Tensor1D, config.normEpsilon) as tf.Tensor3D;
    const block = attentionBlock(shape, prefix, norm('input_layernorm', hidden), input, input.cache?.[layer]);
    hidden = tf.add(hidden, block.output);
    hidden = tf.add(hidden, feedForward(shape, prefix, norm('post_attention_layernorm', hidden)));
    cache.push(block.cache);
  }
  const normed = rmsNorm(hidden, parameter(parameters, FINAL_NORM) as tf.Tensor1D, config.normEpsilon) as tf.Tensor3D;
  return { hidden: normed, cache };
}
