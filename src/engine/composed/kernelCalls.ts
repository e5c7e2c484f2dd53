// Kernels called by a kernel: neither recorded nor tracked by tfjs, and what lies between them is freed at once.
import { FourfoldError } from '../../core/errors.ts';
import * as tf from '../tf.ts';

type Tensors = Record<string, tf.TensorInfo>;

/** The kernels of one back end during one call of a kernel; `finish` keeps the outputs and frees the rest. */
export class KernelCalls {
  readonly #backend = tf.backend();
  readonly #backendName = tf.getBackend();
  readonly #made = new Set<object>();

  /** One kernel with all its outputs. */
  runMany(name: string, inputs: Tensors, attributes: object = {}): tf.TensorInfo[] {
    const kernel = tf.getKernel(name, this.#backendName);
    if (kernel == null) throw new FourfoldError('internal', `${this.#backendName}: expected the kernel ${name}.`);
    const made = kernel.kernelFunc({ inputs, attrs: attributes as tf.NamedAttrMap, backend: this.#backend });
    const outputs = Array.isArray(made) ? made : [made];
    for (const { dataId } of outputs) this.#made.add(dataId);
    return outputs;
  }

  /** One kernel; its first output. */
  run(name: string, inputs: Tensors, attributes: object = {}): tf.TensorInfo {
    return this.runMany(name, inputs, attributes)[0] as tf.TensorInfo;
  }

  /** Frees tensors that were made here. */
  free(...tensors: tf.TensorInfo[]): void {
    for (const { dataId } of tensors) {
      if (this.#made.delete(dataId)) this.#backend.disposeData(dataId, false);
    }
  }

  /** Keeps the outputs, whose owner is the caller now, and frees everything else. */
  finish(outputs: tf.TensorInfo[]): tf.TensorInfo[] {
    for (const { dataId } of outputs) this.#made.delete(dataId);
    this.freeAll();
    return outputs;
  }

  freeAll(): void {
    for (const dataId of this.#made) this.#backend.disposeData(dataId, false);
    this.#made.clear();
  }
}

/** The same values in another shape; not a tensor of its own. */
export function reshaped(tensor: tf.TensorInfo, shape: number[]): tf.TensorInfo {
  return { dataId: tensor.dataId, dtype: tensor.dtype, shape };
}

/** Registers kernel `name`, made of others, for the current back end. */
export function defineComposed(
  name: string,
  run: (calls: KernelCalls, inputs: Tensors, attributes: Record<string, unknown>) => tf.TensorInfo[],
): void {
  const backendName = tf.getBackend();
  if (tf.getKernel(name, backendName) != null) tf.unregisterKernel(name, backendName);
  tf.registerKernel({
    kernelName: name,
    backendName,
    kernelFunc: ({ inputs, attrs }) => {
      const calls = new KernelCalls();
      try {
        return calls.finish(run(calls, inputs as unknown as Tensors, (attrs ?? {}) as Record<string, unknown>));
      } finally {
        calls.freeAll();
      }
    },
  });
}
