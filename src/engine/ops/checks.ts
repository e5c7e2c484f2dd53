// Shape checks and kernel look-up shared by the operations.
import { FourfoldError } from '../../core/errors.ts';
import * as tf from '../tf.ts';

/** Throws unless each dimension fits: `expected` is a list of sizes, with null for any size. */
export function expectShape(operation: string, name: string, shape: number[], expected: (number | null)[]): void {
  const fits = shape.length === expected.length && expected.every((size, i) => size === null || size === shape[i]);
  if (fits) return;
  const wanted = expected.map((size) => size ?? 'any').join(', ');
  throw badShape(operation, `${name} of shape [${wanted}]`, `[${shape.join(', ')}]`);
}

/** The error for shapes that do not go together. */
export function badShape(operation: string, expected: string, actual: string): FourfoldError {
  return new FourfoldError(
    'bad-input',
    `${operation}: expected ${expected}; got ${actual}. Check the shapes of the arguments.`,
  );
}

/** Throws unless the tensor holds int32 values. */
export function expectInt32(operation: string, name: string, tensor: tf.Tensor): void {
  if (tensor.dtype !== 'int32') throw badShape(operation, `${name} of type int32`, tensor.dtype);
}

/** Whether the current back end has this kernel of ours, and the tensors are float32, as it needs. */
export function hasKernel(name: string, ...tensors: tf.Tensor[]): boolean {
  return tf.getKernel(name, tf.getBackend()) != null && tensors.every(({ dtype }) => dtype === 'float32');
}

/** Runs a kernel, recorded for gradients; its first output. */
export function runKernel(name: string, inputs: Record<string, tf.Tensor>, attributes: object = {}): tf.Tensor {
  const output: unknown = tf.engine().runKernel(name, inputs, attributes as tf.NamedAttrMap);
  return (Array.isArray(output) ? output[0] : output) as tf.Tensor;
}

/** Runs a kernel, recorded for gradients; all its outputs. */
export function runKernels(name: string, inputs: Record<string, tf.Tensor>, attributes: object = {}): tf.Tensor[] {
  const output: unknown = tf.engine().runKernel(name, inputs, attributes as tf.NamedAttrMap);
  return (Array.isArray(output) ? output : [output]) as tf.Tensor[];
}

/** The size of dimension `index`, from the end where negative; 1 where the shape is shorter. */
export function dimension(shape: number[], index: number): number {
  return shape.at(index) ?? 1;
}

/** What tfjs passes to a custom gradient to keep tensors for the backward pass; tfjs does not export the type. */
export type GradSaver = (tensors: tf.Tensor[]) => void;

/** The value of `x`, through which no gradient flows. */
export function withoutGradient(x: tf.Tensor): tf.Tensor {
  const identity = tf.customGrad((value: tf.Tensor | GradSaver) => ({
    value: tf.clone(value as tf.Tensor),
    gradFunc: (gradient: tf.Tensor) => tf.zerosLike(gradient),
  }));
  return identity(x);
}
