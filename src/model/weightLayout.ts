// How a model file's tensors differ from the parameters in memory: which prefix it may leave out, which matrices it keeps
// as [in, out] (GPT-2's Conv1D). In memory every matrix is [out, in] under its whole name.
import type { ModelConfig } from './config.ts';
import type { TensorData } from './safetensors.ts';

export interface WeightLayout {
  /** Names under which a file may keep a parameter; the whole name, which saving uses, comes first. */
  namesInFile: (name: string) => string[];
  /** True where the file keeps the matrix as [in, out]. */
  isTransposed: (name: string, shape: ReadonlyArray<number>) => boolean;
}

export function layoutOf({ modules, isTransposedInFile }: ModelConfig): WeightLayout {
  const trunk = `${modules.trunk}.`;
  const layers = `${trunk}${modules.layers}.`;
  return {
    namesInFile: (name) => (name.startsWith(trunk) ? [name, name.slice(trunk.length)] : [name]),
    isTransposed: (name, shape) => isTransposedInFile && shape.length === 2 && name.startsWith(layers),
  };
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
