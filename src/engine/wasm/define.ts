// Makes a function an ordinary tfjs kernel of the wasm back end.
import { FourfoldError } from '../../core/errors.ts';
import * as tf from '../tf.ts';
import type { KernelRuntime, TensorInfo } from './runtime.ts';

export interface KernelCall {
  inputs: Record<string, TensorInfo>;
  attributes: Record<string, unknown>;
  /** An input that the kernel cannot do without. */
  input: (name: string) => TensorInfo;
  /** A numeric attribute. */
  number: (name: string) => number;
}

/** Registers kernel `name` for the back end, in place of one already there. */
export function defineKernel(name: string, run: (call: KernelCall) => TensorInfo | TensorInfo[]): void {
  if (tf.getKernel(name, 'wasm') !== undefined) tf.unregisterKernel(name, 'wasm');
  tf.registerKernel({
    kernelName: name,
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs }) => {
      const named = inputs as unknown as Record<string, TensorInfo>;
      const attributes = (attrs ?? {}) as Record<string, unknown>;
      const input = (key: string): TensorInfo => {
        const tensor = named[key];
        if (tensor === undefined) throw new FourfoldError('internal', `${name}: expected the input ${key}; none came.`);
        return tensor;
      };
      const call = { inputs: named, attributes, input, number: (key: string) => Number(attributes[key]) };
      return run(call) as unknown as tf.TensorInfo | tf.TensorInfo[];
    },
  });
}

/** The product of all dimensions but the last, and the last. */
export function rowsOf(shape: number[]): { rows: number; width: number } {
  const width = shape.at(-1) ?? 1;
  let rows = 1;
  for (let i = 0; i < shape.length - 1; i++) rows *= shape[i] ?? 1;
  return { rows, width };
}

/** Throws unless each of `ids` lies in 0 .. limit - 1: outside it, a kernel would read foreign memory. */
export function expectIdsFit(runtime: KernelRuntime, operation: string, ids: TensorInfo, limit: number): void {
  const count = ids.shape.reduce((product, size) => product * size, 1);
  if (runtime.kernels.idsFit(count, limit, runtime.address(ids)) !== 0) return;
  throw new FourfoldError(
    'bad-input',
    `${operation}: expected every index in 0 .. ${limit - 1}; at least one lies outside. Check the ids against the table.`,
  );
}
