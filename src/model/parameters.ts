// A model's parameters: variables by Hugging Face name, made by seed or from a file. Linear weights are [out, in].
import { FourfoldError } from '../core/errors.ts';
import { randomFrom, seedOf } from '../core/random.ts';
import * as tf from '../engine/tf.ts';
import { layerModule, type ModelConfig, trunkModule } from './config.ts';
import type { WritableFormat } from './numberFormats.ts';
import type { TensorData } from './safetensors.ts';
import { type TensorSource, writeTensors, writeWeights } from './safetensorsWriter.ts';
import { otherLayout, requireNoMoreLayers, type WeightLayout } from './weightLayout.ts';
import { openWeights, type Weights } from './weightsFolder.ts';

export type Parameters = Map<string, tf.Variable>;

/** Standard deviation of new weights (Radford et al. 2019; Hugging Face's initializer_range). */
const INITIAL_DEVIATION = 0.02;

/** The output projection; the same name in every architecture. */
export const OUTPUT = 'lm_head';
/** Reward head, under the name that Hugging Face's sequence classification uses. */
export const SCORE_HEAD = 'score.weight';

/** The name of the embedding table. */
export const embeddingName = (config: ModelConfig): string => `${trunkModule(config, config.modules.embedding)}.weight`;

/** The name of the output projection's matrix, which is the embedding table where they are tied. */
export const outputName = (config: ModelConfig): string =>
  config.tieEmbeddings ? embeddingName(config) : `${OUTPUT}.weight`;

type Shapes = Map<string, number[]>;

function addLinear(shapes: Shapes, module: string, [out, width]: [number, number], hasBias: boolean): void {
  shapes.set(`${module}.weight`, [out, width]);
  if (hasBias) shapes.set(`${module}.bias`, [out]);
}

function addNorm(shapes: Shapes, config: ModelConfig, module: string, width: number): void {
  shapes.set(`${module}.weight`, [width]);
  if (config.norm === 'layer') shapes.set(`${module}.bias`, [width]);
}

function addAttention(shapes: Shapes, config: ModelConfig, at: (name: string) => string): void {
  const { hidden, headDim, biases, modules } = config;
  const [queries, keys] = [config.heads * headDim, config.kvHeads * headDim];
  const names = modules.attention;
  if ('fused' in names) {
    addLinear(shapes, at(names.fused), [queries + 2 * keys, hidden], biases.attentionInput);
  } else {
    addLinear(shapes, at(names.query), [queries, hidden], biases.attentionInput);
    addLinear(shapes, at(names.key), [keys, hidden], biases.attentionInput);
    addLinear(shapes, at(names.value), [keys, hidden], biases.attentionInput);
  }
  if (modules.headNorms !== null) {
    addNorm(shapes, config, at(modules.headNorms.query), headDim);
    addNorm(shapes, config, at(modules.headNorms.key), headDim);
  }
  addLinear(shapes, at(modules.attentionOutput), [hidden, queries], biases.attentionOutput);
}

function addFeedForward(shapes: Shapes, config: ModelConfig, at: (name: string) => string): void {
  const { hidden, intermediate, biases, modules } = config;
  const names = modules.feedForward;
  if ('fused' in names) {
    addLinear(shapes, at(names.fused), [2 * intermediate, hidden], biases.feedForward);
  } else {
    if ('gate' in names) addLinear(shapes, at(names.gate), [intermediate, hidden], biases.feedForward);
    addLinear(shapes, at(names.up), [intermediate, hidden], biases.feedForward);
  }
  addLinear(shapes, at(modules.down), [hidden, intermediate], biases.feedForward);
}

/** Names and shapes of the trunk: everything below the heads. Matrices are [out, in]. */
export function trunkShapes(config: ModelConfig): Shapes {
  const { vocab, hidden, maxPositions, modules } = config;
  const shapes: Shapes = new Map([[embeddingName(config), [vocab, hidden]]]);
  if (modules.positions !== null) {
    shapes.set(`${trunkModule(config, modules.positions)}.weight`, [maxPositions, hidden]);
  }
  for (let layer = 0; layer < config.layers; layer++) {
    const at = (name: string) => layerModule(config, layer, name);
    const norm = (name: string | null) => {
      if (name !== null) addNorm(shapes, config, at(name), hidden);
    };
    norm(modules.attentionNorm);
    addAttention(shapes, config, at);
    norm(modules.attentionOutputNorm);
    norm(modules.feedForwardNorm);
    addFeedForward(shapes, config, at);
    norm(modules.feedForwardOutputNorm);
  }
  addNorm(shapes, config, trunkModule(config, modules.finalNorm), hidden);
  return shapes;
}

/** Names and shapes of a language model: the trunk, and an output projection unless it is tied. */
export function causalLmShapes(config: ModelConfig): Shapes {
  const shapes = trunkShapes(config);
  if (!config.tieEmbeddings) shapes.set(`${OUTPUT}.weight`, [config.vocab, config.hidden]);
  if (config.biases.output) shapes.set(`${OUTPUT}.bias`, [config.vocab]);
  return shapes;
}

/** Names and shapes of a model with a scalar head (reward or value) on the trunk. */
export function scalarHeadShapes(config: ModelConfig): Shapes {
  return trunkShapes(config).set(SCORE_HEAD, [1, config.hidden]);
}

/** Names and shapes of a model with the given head. */
export const shapesOf = (head: 'causal-lm' | 'scalar', config: ModelConfig): Shapes =>
  head === 'scalar' ? scalarHeadShapes(config) : causalLmShapes(config);

const isNorm = (name: string) => /norm|(^|[._])ln_/.test(name);
const isBias = (name: string) => name.endsWith('.bias');

/** True for weights that decay: matrices, but no norm gains and no biases. */
export const decays = (name: string) => !isNorm(name) && !isBias(name);

function initialValues(name: string, shape: ReadonlyArray<number>, seed: number, gain: number): Float32Array {
  const size = shape.reduce((product, length) => product * length, 1);
  if (isBias(name)) return new Float32Array(size);
  if (isNorm(name)) return new Float32Array(size).fill(gain);
  const random = randomFrom(seedOf(seed, 'parameter', name));
  return Float32Array.from({ length: size }, () => INITIAL_DEVIATION * random.normal());
}

/** A variable of the values. */
export function newVariable(values: Float32Array, shape: number[], trainable = true): tf.Variable {
  const tensor = tf.tensor(values, shape, 'float32');
  const made = tf.variable(tensor, trainable);
  tensor.dispose();
  return made;
}

/**
 * New parameters: normal with deviation 0.02, biases zero, norms that change nothing but the scale (`gain`). A parameter's
 * values depend on seed and name only.
 */
export function initialParameters(shapes: ReadonlyMap<string, number[]>, seed: number, gain = 1): Parameters {
  return new Map(
    [...shapes].map(([name, shape]) => [name, newVariable(initialValues(name, shape, seed, gain), shape)]),
  );
}

/** What else loading needs to know. */
export interface LoadOptions {
  /** How the file's names and matrices differ from those in memory. */
  layout: WeightLayout;
  /** Makes a parameter that the file has not; null where its absence is an error. */
  fallback?: (name: string, shape: number[]) => Float32Array | null;
}

/** A parameter to load: under which name the weights have it, or null where the fallback makes it. */
interface Wanted {
  name: string;
  shape: number[];
  inFile: string | null;
}

/** @throws bad-model with both shapes, unsupported (number format), before anything is allocated. */
function checkWanted(weights: Weights, shapes: Shapes, { layout, fallback }: LoadOptions): Wanted[] {
  requireNoMoreLayers(weights, layout);
  return [...shapes].map(([name, shape]) => {
    const inFile = layout.namesInFile(name).find((known) => weights.entries.has(known)) ?? null;
    const expected = layout.isTransposed(name, shape) ? [...shape].reverse() : shape;
    if (inFile === null) {
      if ((fallback?.(name, shape) ?? null) !== null) return { name, shape, inFile };
      throw new FourfoldError(
        'bad-model',
        `${weights.where}: expected a tensor ${name} of shape [${expected}], found none.`,
      );
    }
    const found = weights.entries.get(inFile)?.shape ?? [];
    if (found.join() !== expected.join()) {
      throw new FourfoldError(
        'bad-model',
        `${weights.where}: expected ${name} of shape [${expected}], got [${found}].`,
      );
    }
    weights.checkReadable(inFile);
    return { name, shape, inFile };
  });
}

/** Values of one parameter in memory's layout. */
async function valuesOf(weights: Weights, wanted: Wanted, { layout, fallback }: LoadOptions): Promise<Float32Array> {
  const { name, shape, inFile } = wanted;
  if (inFile === null) return fallback?.(name, shape) ?? new Float32Array(0);
  const values = await weights.read(inFile);
  return otherLayout(layout, name, { shape: weights.entries.get(inFile)?.shape ?? [], values }).values;
}

/** The wanted values in memory's layout, one parameter after the other. @throws as parametersFrom, before the first. */
export async function* valuesFrom(
  weights: Weights,
  shapes: Shapes,
  options: LoadOptions,
): AsyncGenerator<{ name: string; shape: number[]; values: Float32Array }> {
  for (const wanted of checkWanted(weights, shapes, options))
    yield { name: wanted.name, shape: wanted.shape, values: await valuesOf(weights, wanted, options) };
}

/**
 * Parameters of the wanted names and shapes, a tensor at a time. A name that the weights lack is an error unless
 * `fallback` makes it.
 * @throws bad-model with both shapes; unsupported for a number format that cannot be read.
 */
export async function parametersFrom(weights: Weights, shapes: Shapes, options: LoadOptions): Promise<Parameters> {
  const parameters: Parameters = new Map();
  try {
    for await (const { name, shape, values } of valuesFrom(weights, shapes, options))
      parameters.set(name, newVariable(values, shape));
    return parameters;
  } catch (error) {
    disposeParameters(parameters);
    throw error;
  }
}

/** Loads parameters from a model's folder. @throws as openWeights and parametersFrom. */
export async function loadParameters(dir: string, shapes: Shapes, options: LoadOptions): Promise<Parameters> {
  const weights = await openWeights(dir);
  try {
    return await parametersFrom(weights, shapes, options);
  } finally {
    await weights.close();
  }
}

/** Values of tensors by name, read back from the device. */
export async function readBack(tensors: ReadonlyMap<string, tf.Tensor>): Promise<Map<string, TensorData>> {
  const result = new Map<string, TensorData>();
  for (const [name, tensor] of tensors)
    result.set(name, { shape: tensor.shape, values: (await tensor.data()) as Float32Array });
  return result;
}

/** Tensors by name for a writer, each read back from the device when its turn comes. */
function sourceOf(tensors: ReadonlyMap<string, tf.Tensor>, layout?: WeightLayout): TensorSource {
  const turned = (name: string, shape: number[]) => layout?.isTransposed(name, shape) ?? false;
  return {
    shapes: new Map(
      [...tensors].map(([name, { shape }]) => [name, turned(name, shape) ? [...shape].reverse() : shape]),
    ),
    read: async (name) => {
      const tensor = tensors.get(name);
      if (tensor === undefined) throw new FourfoldError('internal', `Expected a tensor ${name} to write, got none.`);
      const values = (await tensor.data()) as Float32Array;
      return layout === undefined ? values : otherLayout(layout, name, { shape: tensor.shape, values }).values;
    },
  };
}

/** Writes tensors into one file under their names, as float32, as they lie in memory. */
export async function saveParameters(path: string, parameters: ReadonlyMap<string, tf.Tensor>): Promise<void> {
  await writeTensors(path, sourceOf(parameters));
}

/** Writes a model's weights into its folder, as several files where they are large. @returns the files' names */
export async function saveWeights(
  dir: string,
  parameters: ReadonlyMap<string, tf.Tensor>,
  { layout, ...options }: { layout: WeightLayout; format?: WritableFormat; shardBytes?: number },
): Promise<string[]> {
  return writeWeights(dir, sourceOf(parameters, layout), options);
}

/** A copy with variables of its own. */
export function copyParameters(parameters: Parameters): Parameters {
  return new Map([...parameters].map(([name, source]) => [name, tf.variable(source, source.trainable)]));
}

/** The named parameter. @throws bad-model where it is missing. */
export function parameter(parameters: Parameters, name: string): tf.Variable {
  const found = parameters.get(name);
  if (found === undefined)
    throw new FourfoldError('bad-model', `Expected a parameter ${name}; the model has none of that name.`);
  return found;
}

export function disposeParameters(parameters: Parameters): void {
  for (const held of parameters.values()) held.dispose();
  parameters.clear();
}
