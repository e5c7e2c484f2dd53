// Frozen weights in int8: the linear modules of the layers, which are most of a model. Embeddings, output layer, norms and
// biases stay float32.
import { dimension } from '../engine/ops/checks.ts';
import { disposeQuantized, type QuantizedMatrix, quantize } from '../engine/ops/quantizedLinear.ts';
import type { ModelConfig } from './config.ts';
import { linearModules } from './lora/targets.ts';
import { type LoadOptions, type Parameters, parametersFrom, valuesFrom } from './parameters.ts';
import { openWeights } from './weightsFolder.ts';

/** By full name of the module. */
export type QuantizedWeights = ReadonlyMap<string, QuantizedMatrix>;

/** Bytes on the device. */
export const bytesOf = (quantized: QuantizedWeights): number =>
  [...quantized.values()].reduce((sum, { packed, scales }) => sum + 4 * (packed.size + scales.size), 0);

export function disposeWeights(quantized: QuantizedWeights): void {
  for (const matrix of quantized.values()) disposeQuantized(matrix);
}

/** Loads a folder's parameters, the linear modules in int8, a tensor at a time. @throws as parametersFrom. */
export async function loadQuantized(
  dir: string,
  config: ModelConfig,
  shapes: Map<string, number[]>,
  options: LoadOptions,
): Promise<{ parameters: Parameters; quantized: QuantizedWeights }> {
  const modules = new Set([...linearModules(config).keys()].map((module) => `${module}.weight`));
  const isLinear = ([name]: [string, number[]]) => modules.has(name);
  const weights = await openWeights(dir);
  const quantized = new Map<string, QuantizedMatrix>();
  try {
    const plain = new Map([...shapes].filter((entry) => !isLinear(entry)));
    for await (const { name, shape, values } of valuesFrom(weights, new Map([...shapes].filter(isLinear)), options))
      quantized.set(name.slice(0, -'.weight'.length), quantize(values, [dimension(shape, 0), dimension(shape, 1)]));
    return { parameters: await parametersFrom(weights, plain, options), quantized };
  } catch (error) {
    disposeWeights(quantized);
    throw error;
  } finally {
    await weights.close();
  }
}
