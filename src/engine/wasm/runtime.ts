// Our kernels inside the memory of tfjs's WebAssembly back end: loading them, addresses of tensors, scratch space.
import { existsSync, readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { FourfoldError } from '../../core/errors.ts';
import { packagePath } from '../../core/packageRoot.ts';
import type { KernelExports } from './exports.ts';
import { type WebAssemblyMemory, webAssembly } from './webAssembly.ts';

/** The part of tfjs's back end that the kernels stand on. */
export interface WasmBackend {
  wasm: {
    asm?: { memory?: WebAssemblyMemory };
    wasmMemory?: WebAssemblyMemory;
    _malloc(bytes: number): number;
    _free(address: number): void;
  };
  dataIdMap: { get(dataId: object): { memoryOffset: number } };
  incRef(dataId: object): void;
  makeOutput(shape: number[], dtype: 'float32' | 'int32'): TensorInfo;
}

export interface TensorInfo {
  dataId: object;
  shape: number[];
  dtype: string;
}

/** Where a kernel stands: the compiled functions and the memory they share with the back end. */
export class KernelRuntime {
  readonly kernels: KernelExports;
  /** Whether the kernels use the fused multiply-add of relaxed SIMD. */
  readonly isFused: boolean;
  readonly #backend: WasmBackend;
  readonly #memory: WebAssemblyMemory;
  #scratch = 0;
  #scratchBytes = 0;

  constructor(backend: WasmBackend, memory: WebAssemblyMemory, kernels: KernelExports, isFused: boolean) {
    this.#memory = memory;
    this.#backend = backend;
    this.kernels = kernels;
    this.isFused = isFused;
  }

  /** The address of a tensor's values, in bytes. */
  address(tensor: TensorInfo): number {
    return this.#backend.dataIdMap.get(tensor.dataId).memoryOffset;
  }

  /** A new float32 tensor with undefined values. */
  output(shape: number[]): TensorInfo {
    const output = this.#backend.makeOutput(shape, 'float32');
    if (this.address(output) === 0 && sizeOf(shape) > 0) throw outOfMemory(sizeOf(shape) * 4);
    return output;
  }

  /** Another tensor over the same values. */
  share(tensor: TensorInfo): TensorInfo {
    this.#backend.incRef(tensor.dataId);
    return { dataId: tensor.dataId, shape: tensor.shape, dtype: tensor.dtype };
  }

  /** A new scalar. */
  scalar(value: number): TensorInfo {
    const scalar = this.output([]);
    this.#floats(scalar)[0] = value;
    return scalar;
  }

  /** The value of a scalar. */
  read(scalar: TensorInfo): number {
    return this.#floats(scalar)[0] ?? Number.NaN;
  }

  #floats(tensor: TensorInfo): Float32Array {
    return new Float32Array(this.#memory.buffer, this.address(tensor), sizeOf(tensor.shape));
  }

  /** Space for one kernel call, valid until the next. */
  scratch(bytes: number): number {
    if (bytes > this.#scratchBytes) {
      if (this.#scratch !== 0) this.#backend.wasm._free(this.#scratch);
      this.#scratchBytes = 0;
      this.#scratch = this.#backend.wasm._malloc(bytes) >>> 0;
      if (this.#scratch === 0) throw outOfMemory(bytes);
      this.#scratchBytes = bytes;
    }
    return this.#scratch;
  }
}

/** The number of values in a shape. */
export function sizeOf(shape: number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function outOfMemory(bytes: number): FourfoldError {
  return new FourfoldError(
    'unsupported',
    `Expected ${Math.ceil(bytes / 2 ** 20)} MiB more in the WebAssembly memory; its 4 GiB are used up. ` +
      'Use a smaller batch, shorter sequences or a smaller model, or another back end.',
  );
}

/** Loads the kernels into `backend`'s memory; null where they were not built. */
export function loadKernels(backend: WasmBackend): KernelRuntime | null {
  const memory = backend.wasm.asm?.memory ?? backend.wasm.wasmMemory;
  const [plain, fused] = ['kernels.wasm', 'kernels-relaxed.wasm'].map((name) => packagePath('dist', 'kernels', name));
  if (memory === undefined || plain === undefined || fused === undefined || !existsSync(plain)) return null;
  const isFused = existsSync(fused) && canFuse(readFileSync(fused));
  const module = new webAssembly.Module(readFileSync(isFused ? fused : plain));
  const { exports } = new webAssembly.Instance(module, { env: { memory } });
  const kernels = exports as unknown as KernelExports;
  kernels.setConstants(backend.wasm._malloc(kernels.constantsSize()) >>> 0);
  return new KernelRuntime(backend, memory, kernels, isFused);
}

/** Node 20 and 21 know relaxed SIMD but keep it behind a flag, which may be set until the module is compiled. */
function canFuse(code: Uint8Array): boolean {
  if (webAssembly.validate(code)) return true;
  setFlagsFromString('--experimental-wasm-relaxed-simd');
  return webAssembly.validate(code);
}
