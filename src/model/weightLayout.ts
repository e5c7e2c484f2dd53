// How a model file's tensors differ from the parameters in memory: which prefix it may leave out, which matrices it keeps
// as [in, out] (GPT-2's Conv1D). In memory every matrix is [out, in] under its whole name.
import { FourfoldError } from '../core/errors.ts';
import type { ModelConfig } from './config.ts';
import type { TensorData } from './safetensors.ts';

export interface WeightLayout {
  /** Names under which a file may keep a parameter; the whole name, which saving uses, comes first. */
  namesInFile: (name: string) => string[];
  /** True where the file keeps the matrix as [in, out]. */
  isTransposed: (name: string, shape: ReadonlyArray<number>) => boolean;
  /** True for a tensor of a layer that config.json does not count. */
  isBeyondLayers: (nameInFile: string) => boolean;
}

export function layoutOf({ modules, isTransposedInFile, layers: count }: ModelConfig): WeightLayout {
  const trunk = `${modules.trunk}.`;
  const layers = `${trunk}${modules.layers}.`;
  const layerNumber = new RegExp(`^(?:${modules.trunk}\\.)?${modules.layers}\\.(\\d+)\\.`);
  return {
    namesInFile: (name) => (name.startsWith(trunk) ? [name, name.slice(trunk.length)] : [name]),
    isTransposed: (name, shape) => isTransposedInFile && shape.length === 2 && name.startsWith(layers),
    isBeyondLayers: (name) => Number(layerNumber.exec(name)?.[1] ?? -1) >= count,
  };
}

/**
 * A model that runs without its last layers answers, but wrongly.
 * @throws bad-model where the weights have layers that config.json does not count
 */
export function requireNoMoreLayers(
  { where, entries }: { where: string; entries: ReadonlyMap<string, unknown> },
  { isBeyondLayers }: WeightLayout,
): void {
  const beyond = [...entries.keys()].find(isBeyondLayers);
  if (beyond === undefined) return;
  throw new FourfoldError(
    'bad-model',
    `${where}: expected no layers beyond those that config.json counts, got ${beyond}. Take config.json and weights of one model.`,
  );
}

function transposed({ shape, values }: TensorData): TensorData {
  const [rows = 1, columns = 1] = shape;
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      result[column * rows + row] = values[row * columns + column] ?? 0;
    }
  }
  return { shape: [columns, rows], values: result };
}

/** The tensor turned from the file's layout to memory's, or back: the same turn. */
export const otherLayout = (layout: WeightLayout, name: string, data: TensorData): TensorData =>
  layout.isTransposed(name, data.shape) ? transposed(data) : data;
