// What the readers of config.json share: fields, checks and refusals.
import { z } from 'zod';
import { FourfoldError } from '../../core/errors.ts';
import type { Activation, ModelConfig } from '../config.ts';

/** One architecture of Hugging Face's. */
export interface Architecture {
  /** config.json's model_type. */
  modelType: string;
  /** Class names in transformers: language model, and sequence classifier (reward model). */
  causalLm: string;
  classifier: string;
  /** The switches that config.json sets, without its `source`. @throws unsupported, by name; bad-input where malformed. */
  parse: (value: unknown, where: string) => ModelConfig;
}

export const positive = z.int().min(1);
/** Layers; bounded, since whatever a config.json says is counted out before the weights can contradict it. */
export const layerCount = positive.max(10_000);
/** Positions; bounded likewise, since tables of that length are made. */
export const contextLength = positive.max(2 ** 24);
export const aboveZero = z.number().gt(0);

/** @throws unsupported: what was expected of which field, and what came. */
export function refuse(field: string, got: unknown, expected: string): never {
  throw new FourfoldError('unsupported', `config.json: expected ${field} ${expected}, got ${JSON.stringify(got)}.`);
}

/** Refuses a switch that is on. */
export function refuseTrue(fields: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(fields)) if (value === true) refuse(name, true, 'false');
}

// Names in transformers' ACT2FN; gelu_new, gelu_fast and gelu_pytorch_tanh are one formula.
const ACTIVATIONS: Record<string, Activation> = {
  silu: 'silu',
  swish: 'silu',
  gelu: 'gelu',
  gelu_new: 'geluTanh',
  gelu_fast: 'geluTanh',
  gelu_pytorch_tanh: 'geluTanh',
  relu: 'relu',
};

export function activationOf(field: string, name: string): Activation {
  const found = Object.hasOwn(ACTIVATIONS, name) ? ACTIVATIONS[name] : undefined;
  return found ?? refuse(field, name, `one of ${Object.keys(ACTIVATIONS).join(', ')}`);
}

/** The heads' width. @throws unsupported where the widths do not go together. */
export function headDimOf(size: { hidden: number; heads: number; kvHeads: number; headDim: number | null }): number {
  const { hidden, heads, kvHeads } = size;
  if (heads % kvHeads !== 0) refuse('num_key_value_heads', kvHeads, `to divide num_attention_heads (${heads})`);
  const headDim = size.headDim ?? hidden / heads;
  if (!Number.isInteger(headDim) || headDim % 2 !== 0) refuse('head_dim', headDim, 'to be an even whole number');
  return headDim;
}

/** Which layers have the window, from config.json's layer_types or the architecture's own rule. */
export function slidingOf(
  layerTypes: ReadonlyArray<string> | null | undefined,
  window: number | null | undefined,
  isSliding: boolean[],
): Pick<ModelConfig, 'slidingWindow' | 'slidingLayers'> {
  const unknown = layerTypes?.find((type) => type !== 'sliding_attention' && type !== 'full_attention');
  if (unknown !== undefined) refuse('layer_types', unknown, 'one of sliding_attention, full_attention');
  if (layerTypes != null && layerTypes.length !== isSliding.length) {
    refuse('layer_types', layerTypes.length, `to have num_hidden_layers (${isSliding.length}) entries`);
  }
  const slidingLayers = layerTypes?.map((type) => type === 'sliding_attention') ?? isSliding;
  if (window == null || !slidingLayers.includes(true)) return { slidingWindow: null, slidingLayers: null };
  return { slidingWindow: window, slidingLayers: slidingLayers.includes(false) ? slidingLayers : null };
}
