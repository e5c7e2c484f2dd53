// Which models a back end's own decoder serves, in one place, and their parameters as it takes them.
import type { DecoderLayer, DecoderLinear, DecoderModel } from '../engine/decoder.ts';
import type * as tf from '../engine/tf.ts';
import { layerModule, type ModelConfig, trunkModule } from '../model/config.ts';
import { outputWeight } from '../model/heads.ts';
import type { Model } from '../model/model.ts';
import { causalLmShapes, embeddingName, parameter } from '../model/parameters.ts';
import { hasPlainWeights } from '../model/projection.ts';

/**
 * Whether each property of a config is one that the decoder follows: Llama's shape, with biases and norms of
 * heads where there are some. A property that is not listed here is an error of types, so that none is passed over.
 */
const FOLLOWS: { [Key in keyof ModelConfig]: (value: ModelConfig[Key], config: ModelConfig) => boolean } = {
  modelType: () => true,
  vocab: () => true,
  hidden: () => true,
  intermediate: () => true,
  layers: () => true,
  heads: () => true,
  kvHeads: () => true,
  headDim: () => true,
  maxPositions: () => true,
  normEpsilon: () => true,
  norm: (norm) => norm === 'rms',
  gainOffset: (offset) => offset === 0,
  isParallel: (isParallel) => !isParallel,
  activation: (activation) => activation === 'silu',
  positions: (positions) => positions === 'rotary',
  rotaryDims: (dims, { headDim }) => dims === headDim,
  // Base and scaling are in the tables.
  ropeTheta: () => true,
  ropeScaling: () => true,
  localRopeTheta: (theta) => theta === null,
  rotaryLayers: (layers) => layers === null || layers.every(Boolean),
  slidingWindow: (window, { slidingLayers, maxPositions }) =>
    window === null || window >= maxPositions || (slidingLayers !== null && !slidingLayers.some(Boolean)),
  slidingLayers: () => true,
  attentionScale: () => true,
  attentionSoftcap: (cap) => cap === null,
  logitSoftcap: (cap) => cap === null,
  embeddingScale: (scale) => scale === 1,
  biases: ({ output }) => !output,
  tieEmbeddings: () => true,
  isTransposedInFile: () => true,
  modules: ({ attention, attentionOutputNorm, feedForwardNorm, feedForwardOutputNorm, feedForward }) =>
    'query' in attention &&
    'gate' in feedForward &&
    feedForwardNorm !== null &&
    attentionOutputNorm === null &&
    feedForwardOutputNorm === null,
  source: () => true,
};

function isFollowed<Key extends keyof ModelConfig>(config: ModelConfig, key: Key): boolean {
  return FOLLOWS[key](config[key], config);
}

/** Whether a back end's own decoder computes this model: its shape, no adapter at work, and no parameter besides. */
function isServed(model: Model, positions: number): boolean {
  const { head, config, parameters } = model;
  if (head !== 'causal-lm' || !hasPlainWeights(model)) return false;
  const bounded = { ...config, maxPositions: positions };
  if (!(Object.keys(FOLLOWS) as (keyof ModelConfig)[]).every((key) => isFollowed(bounded, key))) return false;
  const known = causalLmShapes(config);
  return [...parameters.keys()].every((name) => known.has(name));
}

/**
 * The model as a fused decoder takes it; null where it is none that one serves.
 * @param positions how many a sequence has at most: a window no smaller than that is none
 */
export function fusedParts(model: Model, positions: number): DecoderModel | null {
  const { config, parameters, tables } = model;
  const { attention, feedForward, feedForwardNorm, headNorms, ...modules } = config.modules;
  if (!isServed(model, positions) || tables.rotary === null) return null;
  if (!('query' in attention && 'gate' in feedForward) || feedForwardNorm === null) return null;
  const layers = Array.from({ length: config.layers }, (_, layer): DecoderLayer => {
    const at = (name: string) => layerModule(config, layer, name);
    const weight = (name: string): tf.Tensor => parameter(parameters, `${at(name)}.weight`);
    const linear = (name: string, hasBias: boolean): DecoderLinear => ({
      weight: weight(name),
      bias: hasBias ? parameter(parameters, `${at(name)}.bias`) : null,
    });
    return {
      inputNorm: weight(modules.attentionNorm),
      query: linear(attention.query, config.biases.attentionInput),
      key: linear(attention.key, config.biases.attentionInput),
      value: linear(attention.value, config.biases.attentionInput),
      queryNorm: headNorms === null ? null : weight(headNorms.query),
      keyNorm: headNorms === null ? null : weight(headNorms.key),
      output: linear(modules.attentionOutput, config.biases.attentionOutput),
      feedForwardNorm: weight(feedForwardNorm),
      gate: linear(feedForward.gate, config.biases.feedForward),
      up: linear(feedForward.up, config.biases.feedForward),
      down: linear(modules.down, config.biases.feedForward),
    };
  });
  return {
    shape: config,
    embedding: parameter(parameters, embeddingName(config)),
    layers,
    finalNorm: parameter(parameters, `${trunkModule(config, modules.finalNorm)}.weight`),
    output: outputWeight(model),
    tables: tables.rotary,
  };
}
