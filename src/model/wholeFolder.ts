// A model's folder written again as a whole one, a tensor at a time and without an engine: in another number format, and with
// its adapter merged. So a model larger than the memory of any back end can be merged and converted.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FourfoldError } from '../core/errors.ts';
import { configText, readModelConfig, type SpecialTokens } from './configFile.ts';
import { nameOfA, nameOfB, scaleOf } from './lora/adapter.ts';
import { type AdapterValues, baseFolderOf, isAdapterFolder, readAdapterValues } from './lora/peftFolder.ts';
import { headOf } from './model.ts';
import { DTYPES, type Dtype } from './numberFormats.ts';
import { SCORE_HEAD, shapesOf } from './parameters.ts';
import type { TensorData } from './safetensors.ts';
import { writeWeights } from './safetensorsWriter.ts';
import { layoutOf, otherLayout, requireNoMoreLayers, type WeightLayout } from './weightLayout.ts';
import { openWeights, type Weights } from './weightsFolder.ts';

export interface WholeOptions {
  tokens: SpecialTokens;
  dtype: Dtype;
  /** Bytes of tensors in one file; the writer's own limit where absent. */
  shardBytes?: number | undefined;
}

/** W + s·B·A of one module, or W where it has no adapter. @param weight [out, in] */
function merged({ shape, values }: TensorData, module: string, adapter: AdapterValues): TensorData {
  const [a, b] = [adapter.tensors.get(nameOfA(module)), adapter.tensors.get(nameOfB(module))];
  if (a === undefined || b === undefined) return { shape, values };
  const [out = 0, width = 0] = shape;
  const [rank, scale] = [adapter.settings.rank, scaleOf(adapter.settings)];
  const sum = Float32Array.from(values);
  for (let row = 0; row < out; row++) {
    const target = sum.subarray(row * width, (row + 1) * width);
    for (let r = 0; r < rank; r++) {
      const factor = scale * (b.values[row * rank + r] ?? 0);
      const from = a.values.subarray(r * width, (r + 1) * width);
      for (let i = 0; i < width; i++) target[i] = (target[i] ?? 0) + factor * (from[i] ?? 0);
    }
  }
  return { shape, values: sum };
}

/** One parameter in the file's layout, whatever the adapter does to it. */
async function valuesOf(
  weights: Weights,
  name: string,
  { layout, adapter }: { layout: WeightLayout; adapter: AdapterValues | null },
): Promise<Float32Array> {
  const own = adapter?.tensors.get(name);
  if (own !== undefined) return own.values;
  const inFile = layout.namesInFile(name).find((known) => weights.entries.has(known)) ?? name;
  const values = await weights.read(inFile);
  if (adapter === null || !name.endsWith('.weight')) return values;
  const stored = { shape: weights.entries.get(inFile)?.shape ?? [], values };
  const module = name.slice(0, -'.weight'.length);
  return otherLayout(layout, name, merged(otherLayout(layout, name, stored), module, adapter)).values;
}

/**
 * Writes config.json and weights of a model or an adapter's folder as a whole model; the tokenizer's files are the caller's.
 * @returns the names of the files. @throws as openWeights and readAdapterValues
 */
export async function writeWhole(
  dir: string,
  from: string,
  { tokens, dtype, shardBytes }: WholeOptions,
): Promise<string[]> {
  const base = isAdapterFolder(from) ? await baseFolderOf(from) : from;
  const [config, head] = [await readModelConfig(base), await headOf(from)];
  const adapter = base === from ? null : await readAdapterValues(from, config);
  const layout = layoutOf(config);
  const weights = await openWeights(base);
  try {
    requireNoMoreLayers(weights, layout);
    const shapes = new Map(
      [...shapesOf(head, config)].map(([name, shape]) => [
        name,
        layout.isTransposed(name, shape) ? [...shape].reverse() : shape,
      ]),
    );
    for (const [name, shape] of shapes) {
      const found = layout.namesInFile(name).flatMap((known) => weights.entries.get(known) ?? [])[0];
      if (found === undefined && name === SCORE_HEAD && adapter?.tensors.has(name)) continue;
      if (found?.shape.join() === shape.join()) continue;
      const got = found === undefined ? 'none' : `[${found.shape}]`;
      throw new FourfoldError('bad-model', `${weights.where}: expected ${name} of shape [${shape}], got ${got}.`);
    }
    const files = await writeWeights(
      dir,
      { shapes, read: (name) => valuesOf(weights, name, { layout, adapter }) },
      { format: DTYPES[dtype], ...(shardBytes === undefined ? {} : { shardBytes }) },
    );
    await writeFile(join(dir, 'config.json'), configText(config, { head, dtype, ...tokens }));
    return [...files, 'config.json'].sort();
  } finally {
    await weights.close();
  }
}
