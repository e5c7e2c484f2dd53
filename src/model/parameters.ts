// A model's parameters: variables by Hugging Face name, made by seed or from a file. Linear weights are [out, in].
import { FourfoldError } from '../core/errors.ts';
import { randomFrom, seedOf } from '../core/random.ts';
import * as tf from '../engine/tf.ts';
import { layerModule, type ModelConfig, trunkModule } from './config.ts';
import { readSafetensors, type TensorData, writeSafetensors } from './safetensors.ts';
import { otherLayout, type WeightLayout } from './weightLayout.ts';

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

const variable = (values: Float32Array, shape: number[], trainable = true) => {
  const tensor = tf.tensor(values, shape, 'float32');
  const made = tf.variable(tensor, trainable);
  tensor.dispose();
  return made;
};

/**
 * New parameters: normal with deviation 0.02, biases zero, norms that change nothing but the scale (`gain`). A parameter's
 * values depend on seed and name only.
 */
export function initialParameters(shapes: ReadonlyMap<string, number[]>, seed: number, gain = 1): Parameters {
  return new Map([...shapes].map(([name, shape]) => [name, variable(initialValues(name, shape, seed, gain), shape)]));
}

/** What else loading needs to know. */
export interface LoadOptions {
  /** How the file's names and matrices differ from those in memory. */
  layout: WeightLayout;
  /** Makes a parameter that the file has not; null where its absence is an error. */
  fallback?: (name: string, shape: number[]) => Float32Array | null;
}

/**
 * Parameters of the wanted names and shapes out of a file's tensors. A name that is absent is an error unless
 * `fallback` makes it.
 * @throws bad-model with both shapes.
 */
export function parametersFrom(
  tensors: ReadonlyMap<string, TensorData>,
  shapes: ReadonlyMap<string, number[]>,
  { where, layout, fallback }: LoadOptions & { where: string },
): Parameters {
  const chosen = [...shapes].map(([name, shape]): [string, number[], Float32Array] => {
    const found = layout.namesInFile(name).flatMap((inFile) => tensors.get(inFile) ?? [])[0];
    const inFile = layout.isTransposed(name, shape) ? [...shape].reverse() : shape;
    if (found === undefined) {
      const made = fallback?.(name, shape) ?? null;
      if (made === null)
        throw new FourfoldError('bad-model', `${where}: expected a tensor ${name} of shape [${inFile}], found none.`);
      return [name, shape, made];
    }
    if (found.shape.join() !== inFile.join()) {
      throw new FourfoldError('bad-model', `${where}: expected ${name} of shape [${inFile}], got [${found.shape}].`);
    }
    return [name, shape, otherLayout(layout, name, found).values];
  });
  return new Map(chosen.map(([name, shape, values]) => [name, variable(values, shape)]));
}

/** Loads parameters from a safetensors file. @throws as readSafetensors and parametersFrom. */
export async function loadParameters(
  path: string,
  shapes: ReadonlyMap<string, number[]>,
  options: LoadOptions,
): Promise<Parameters> {
  return parametersFrom(await readSafetensors(path), shapes, { where: path, ...options });
}

/** Values of tensors by name, read back from the device. */
export async function readBack(tensors: ReadonlyMap<string, tf.Tensor>): Promise<Map<string, TensorData>> {
  const result = new Map<string, TensorData>();
  for (const [name, tensor] of tensors)
    result.set(name, { shape: tensor.shape, values: (await tensor.data()) as Float32Array });
  return result;
}

/** Writes tensors under their names: in a model file's layout where one is given, else as they lie in memory. */
export async function saveParameters(
  path: string,
  parameters: ReadonlyMap<string, tf.Tensor>,
  layout?: WeightLayout,
): Promise<void> {
  const values = await readBack(parameters);
  const written = [...values].map(([name, data]): [string, TensorData] => [
    name,
    layout === undefined ? data : otherLayout(layout, name, data),
  ]);
  await writeSafetensors(path, new Map(written));
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
