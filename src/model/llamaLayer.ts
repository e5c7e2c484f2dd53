// Which layers go through the fused operation: those of Llama's kind, plain weights, all tokens of a batch at once.
import { hasLlamaLayer, LLAMA_LAYER_WEIGHTS, type LlamaLayerWeights, llamaLayer } from '../engine/ops/llamaLayer.ts';
import type * as tf from '../engine/tf.ts';
import { hasRotary, layerModule, type ModelConfig, windowOf } from './config.ts';
import { parameter } from './parameters.ts';
import { hasPlainWeights } from './projection.ts';
import type { LayerInput, Trunk } from './trunk.ts';

/** Names of the layer's modules by the operation's names of their weights; null where the layer is of another kind. */
function modulesOf(config: ModelConfig, layer: number): Record<keyof LlamaLayerWeights, string> | null {
  const { modules, biases } = config;
  const { attention, feedForward, feedForwardNorm } = modules;
  const isPlain =
    config.norm === 'rms' &&
    config.gainOffset === 0 &&
    config.activation === 'silu' &&
    config.attentionSoftcap === null &&
    !config.isParallel &&
    hasRotary(config, layer) &&
    config.rotaryDims === config.headDim;
  const hasMore =
    [modules.headNorms, modules.attentionOutputNorm, modules.feedForwardOutputNorm].some((name) => name !== null) ||
    [biases.attentionInput, biases.attentionOutput, biases.feedForward].includes(true);
  if (!isPlain || hasMore || 'fused' in attention || !('gate' in feedForward) || feedForwardNorm === null) return null;
  return {
    ...{ attentionNorm: modules.attentionNorm, ...attention, attentionOutput: modules.attentionOutput },
    ...{ feedForwardNorm, ...feedForward, down: modules.down },
  };
}

/** The layer by one operation; null where the layer or the back end has none, and the parts of it are to be computed. */
export function fusedLayer(
  model: Trunk,
  layer: number,
  { hidden, positions, keyStart, attend, wanted }: LayerInput,
): tf.Tensor3D | null {
  const { config, parameters, tables } = model;
  if (attend !== undefined || !hasPlainWeights(model) || !hasLlamaLayer(hidden)) return null;
  const modules = modulesOf(config, layer);
  const window = windowOf(config, layer);
  const rotary = (window !== null ? tables.localRotary : null) ?? tables.rotary;
  if (modules === null || rotary === null) return null;
  const weights = Object.fromEntries(
    LLAMA_LAYER_WEIGHTS.map((name) => [
      name,
      parameter(parameters, `${layerModule(config, layer, modules[name])}.weight`),
    ]),
  ) as unknown as LlamaLayerWeights;
  const { heads, kvHeads, normEpsilon: epsilon, attentionScale: scale } = config;
  return llamaLayer({
    ...{ hidden, weights, positions, keyStart, rotary, wanted, window },
    ...{ heads, kvHeads, epsilon, scale },
  });
}
