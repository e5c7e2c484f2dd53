// Makes a function an ordinary tfjs kernel of the webgpu back end.
import { FourfoldError } from '../../core/errors.ts';
import * as tf from '../tf.ts';
import type { TensorInfo } from './dispatcher.ts';

export interface KernelCall {
  inputs: Record<string, TensorInfo>;
  attributes: Record<string, unknown>;
  /** An input that the kernel cannot do without. */
  input(name: string): TensorInfo;
  /** A numeric attribute. */
  number(name: string): number;
}

/** Registers kernel `name` for webgpu, in place of one already there. */
export function defineKernel(name: string, run: (call: KernelCall) => TensorInfo | TensorInfo[]): void {
  if (tf.getKernel(name, 'webgpu') !== undefined) tf.unregisterKernel(name, 'webgpu');
  tf.registerKernel({
    kernelName: name,
    backendName: 'webgpu',
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
