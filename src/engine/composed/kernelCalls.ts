// Kernels called by a kernel: neither recorded nor tracked by tfjs, and what lies between them is freed at once.
import { FourfoldError } from '../../core/errors.ts';
import * as tf from '../tf.ts';

type Tensors = Record<string, tf.TensorInfo>;

/** What a back end does its own way. */
export interface Host {
  /** Calls `work`, whose kernels it may take as one whole. */
  within(work: () => tf.TensorInfo[]): tf.TensorInfo[];
  /** Calls `work`, of whose kernels over `rows` rows each computes a row from the same row of what came before. */
  byRows<T>(rows: number, work: () => T): T;
  /** Calls `work`, whose kernels do not depend on each other. */
  together<T>(work: () => T): T;
  /** Frees a tensor that a kernel made. */
  free(tensor: tf.TensorInfo): void;
}

/** Kernels one by one, and memory freed at once. */
export const PLAIN_HOST: Host = {
  within: (work) => work(),
  byRows: (_, work) => work(),
  together: (work) => work(),
  free: ({ dataId }) => void tf.backend().disposeData(dataId, false),
};

/** The kernels of one back end during one call of a kernel; `finish` keeps the outputs and frees the rest. */
export class KernelCalls {
  readonly #backend = tf.backend();
  readonly #backendName = tf.getBackend();
  readonly #host: Host;
  readonly #made = new Map<object, tf.TensorInfo>();

  constructor(host: Host) {
    this.#host = host;
  }

  /** One kernel with all its outputs. */
  runMany(name: string, inputs: Tensors, attributes: object = {}): tf.TensorInfo[] {
    const kernel = tf.getKernel(name, this.#backendName);
    if (kernel == null) throw new FourfoldError('internal', `${this.#backendName}: expected the kernel ${name}.`);
    const made = kernel.kernelFunc({ inputs, attrs: attributes as tf.NamedAttrMap, backend: this.#backend });
    const outputs = Array.isArray(made) ? made : [made];
    for (const output of outputs) this.#made.set(output.dataId, output);
    return outputs;
  }

  /** One kernel; its first output. */
  run(name: string, inputs: Tensors, attributes: object = {}): tf.TensorInfo {
    return this.runMany(name, inputs, attributes)[0] as tf.TensorInfo;
  }

  /** Calls `work`, of whose kernels over the rows of `like` [..., width] each computes a row from the same row of what came before. */
  byRows<T>(like: tf.TensorInfo, work: () => T): T {
    return this.#host.byRows(tf.util.sizeFromShape(like.shape.slice(0, -1)), work);
  }

  /** Calls `work`, whose kernels do not depend on each other. */
  together<T>(work: () => T): T {
    return this.#host.together(work);
  }

  /** Frees tensors that were made here. */
  free(...tensors: tf.TensorInfo[]): void {
    for (const tensor of tensors) if (this.#made.delete(tensor.dataId)) this.#host.free(tensor);
  }

  /** Keeps the outputs, whose owner is the caller now, and frees everything else. */
  finish(outputs: tf.TensorInfo[]): tf.TensorInfo[] {
    for (const { dataId } of outputs) this.#made.delete(dataId);
    this.freeAll();
    return outputs;
  }

  freeAll(): void {
    this.free(...this.#made.values());
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
  host: Host,
): void {
  const backendName = tf.getBackend();
  if (tf.getKernel(name, backendName) != null) tf.unregisterKernel(name, backendName);
  tf.registerKernel({
    kernelName: name,
    backendName,
    kernelFunc: ({ inputs, attrs }) => {
      const calls = new KernelCalls(host);
      try {
        const attributes = (attrs ?? {}) as Record<string, unknown>;
        return host.within(() => calls.finish(run(calls, inputs as unknown as Tensors, attributes)));
      } finally {
        calls.freeAll();
      }
    },
  });
}
