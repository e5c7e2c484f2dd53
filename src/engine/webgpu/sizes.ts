// Sizes of tensors as the kernels see them.

/** The product of all dimensions. */
export const sizeOf = (shape: ReadonlyArray<number>): number => shape.reduce((product, size) => product * size, 1);

/** The product of all dimensions but the last, and the last. */
export function rowsOf(shape: ReadonlyArray<number>): { rows: number; width: number } {
  return { rows: sizeOf(shape.slice(0, -1)), width: shape.at(-1) ?? 1 };
}
