// A model's parameters: variables by Hugging Face name, made by seed or from a file. Linear weights are [out, in].
import { FourfoldError } from '../core/errors.ts';
import { randomFrom, seedOf } from '../core/random.ts';
import * as tf from '../engine/tf.ts';
import type { ModelConfig } from './config.ts';
import { readSafetensors, type TensorData, writeSafetensors } from './safetensors.ts';

export type Parameters = Map<string, tf.Variable>;

/** Standard deviation of new weights (Radford et al. 2019; Hugging Face's initializer_range). */
const INITIAL_DEVIATION = 0.02;

export const EMBEDDING = 'model.embed_tokens.weight';
export const OUTPUT = 'lm_head.weight';
export const FINAL_NORM = 'model.norm.weight';
/** Reward head, under the name that Hugging Face's sequence classification uses. */
export const SCORE_HEAD = 'score.weight';

/** Names and shapes of the trunk: everything below the heads. */
export function trunkShapes(config: ModelConfig): Map<string, number[]> {
  const { vocab, hidden, intermediate, heads, kvHeads, headDim } = config;
  const shapes = new Map<string, number[]>([[EMBEDDING, [vocab, hidden]]]);
  for (let layer = 0; layer < config.layers; layer++) {
    const prefix = `model.layers.${layer}`;
    shapes.set(`${prefix}.input_layernorm.weight`, [hidden]);
    shapes.set(`${prefix}.self_attn.q_proj.weight`, [heads * headDim, hidden]);
    shapes.set(`${prefix}.self_attn.k_proj.weight`, [kvHeads * headDim, hidden]);
    shapes.set(`${prefix}.self_attn.v_proj.weight`, [kvHeads * headDim, hidden]);
    shapes.set(`${prefix}.self_attn.o_proj.weight`, [hidden, heads * headDim]);
    shapes.set(`${prefix}.post_attention_layernorm.weight`, [hidden]);
    shapes.set(`${prefix}.mlp.gate_proj.weight`, [intermediate, hidden]);
    shapes.set(`${prefix}.mlp.up_proj.weight`, [intermediate, hidden]);
    shapes.set(`${prefix}.mlp.down_proj.weight`, [hidden, intermediate]);
  }
  shapes.set(FINAL_NORM, [hidden]);
  return shapes;
}

/** Names and shapes of a language model: the trunk, and an output projection unless it is tied. */
export function causalLmShapes(config: ModelConfig): Map<string, number[]> {
  const shapes = trunkShapes(config);
  if (!config.tieEmbeddings) shapes.set(OUTPUT, [config.vocab, config.hidden]);
  return shapes;
}

/** Names and shapes of a model with a scalar head (reward or value) on the trunk. */
export function scalarHeadShapes(config: ModelConfig): Map<string, number[]> {
  return trunkShapes(config).set(SCORE_HEAD, [1, config.hidden]);
}

/** True for weights that decay: matrices, but no norm gains. */
export const decays = (name: string) => !name.includes('norm');

function initialValues(name: string, shape: ReadonlyArray<number>, seed: number): Float32Array {
  const size = shape.reduce((product, length) => product * length, 1);
  if (name.includes('norm')) return new Float32Array(size).fill(1);
  const random = randomFrom(seedOf(seed, 'parameter', name));
  return Float32Array.from({ length: size }, () => INITIAL_DEVIATION * random.normal());
}

const variable = (values: Float32Array, shape: number[], trainable = true) => {
  const tensor = tf.tensor(values, shape, 'float32');
  const made = tf.variable(tensor, trainable);
  tensor.dispose();
  return made;
};

/** New parameters: normal with deviation 0.02, norm gains one; a parameter's values depend on seed and name only. */
export function initialParameters(shapes: ReadonlyMap<string, number[]>, seed: number): Parameters {
  return new Map([...shapes].map(([name, shape]) => [name, variable(initialValues(name, shape, seed), shape)]));
}

/**
 * Parameters of the wanted names and shapes out of a file's tensors. A name that is absent is an error unless
 * `fallback` makes it.
 * @throws bad-model with both shapes.
 */
export function parametersFrom(
  tensors: ReadonlyMap<string, TensorData>,
  shapes: ReadonlyMap<string, number[]>,
  { where, fallback }: { where: string; fallback?: (name: string, shape: number[]) => Float32Array | null },
): Parameters {
  const chosen = [...shapes].map(([name, shape]): [string, number[], Float32Array] => {
    const found = tensors.get(name);
    const values = found?.values ?? fallback?.(name, shape) ?? null;
    if (values === null)
      throw new FourfoldError('bad-model', `${where}: expected a tensor ${name} of shape [${shape}], found none.`);
    if (found !== undefined && found.shape.join() !== shape.join()) {
      throw new FourfoldError('bad-model', `${where}: expected ${name} of shape [${shape}], got [${found.shape}].`);
    }
    return [name, shape, values];
  });
  return new Map(chosen.map(([name, shape, values]) => [name, variable(values, shape)]));
}

/** Loads parameters from a safetensors file. @throws as readSafetensors and parametersFrom. */
export async function loadParameters(
  path: string,
  shapes: ReadonlyMap<string, number[]>,
  fallback?: (name: string, shape: number[]) => Float32Array | null,
): Promise<Parameters> {
  return parametersFrom(await readSafetensors(path), shapes, {
    where: path,
    ...(fallback === undefined ? {} : { fallback }),
  });
}

/** Values of tensors by name, read back from the device. */
export async function readBack(tensors: ReadonlyMap<string, tf.Tensor>): Promise<Map<string, TensorData>> {
  const result = new Map<string, TensorData>();
  for (const [name, tensor] of tensors)
    result.set(name, { shape: tensor.shape, values: (await tensor.data()) as Float32Array });
  return result;
}

export async function saveParameters(path: string, parameters: ReadonlyMap<string, tf.Tensor>): Promise<void> {
  await writeSafetensors(path, await readBack(parameters));
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
