// Our kernels inside the memory of tfjs's WebAssembly back end: loading them, addresses of tensors, scratch space.
import { existsSync, readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { FourfoldError } from '../../core/errors.ts';
import { packagePath } from '../../core/packageRoot.ts';
import type { KernelExports, KernelName } from './exports.ts';
import { KernelPool, MAX_SLICES } from './kernelPool.ts';
import { KernelQueue } from './kernelQueue.ts';
import { type WebAssemblyMemory, webAssembly } from './webAssembly.ts';
import { compileJoined, joinsVectors, leavingCleanRegisters } from './wideVectors.ts';

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
  disposeData(dataId: object, force: boolean): boolean;
  makeOutput(shape: number[], dtype: 'float32' | 'int32'): TensorInfo;
}

export interface TensorInfo {
  dataId: object;
  shape: number[];
  dtype: string;
}

export interface LoadedKernels {
  memory: WebAssemblyMemory;
  kernels: KernelExports;
  isFused: boolean;
  /** Whether vectors are joined into wider ones. */
  isJoined: boolean;
  /** Null where the memory is not shared. */
  pool: KernelPool | null;
}

/** Below this much work, waking a thread costs more than it saves; the threads of a queue are awake. */
const LEAST_WORK = { alone: 2 ** 20, queued: 2 ** 16 };
/** Bytes for packed operands of queued operations at once: they stay in the second-level cache. */
const QUEUED_PACKING = 2 ** 22;
/** More parts than threads, so that one that is held up by other programs leaves its share to the others. */
const PARTS_PER_THREAD = 2;

/** Where a kernel stands: the compiled functions and the memory they share with the back end. */
export class KernelRuntime {
  readonly kernels: KernelExports;
  /** Whether the kernels use the fused multiply-add of relaxed SIMD. */
  readonly isFused: boolean;
  /** Whether they compute with vectors of 256 bits (wideVectors.ts). */
  readonly isJoined: boolean;
  readonly #backend: WasmBackend;
  readonly #memory: WebAssemblyMemory;
  readonly #pool: KernelPool | null;
  /** Whether the threads of the pool take part. */
  #isShared = true;
  #scratch = 0;
  #scratchBytes = 0;
  #packing = 0;
  #packingBytes = 0;
  /** How much of the packing space queued operations use. */
  #packed = 0;
  /** Null where operations are not queued. */
  #queue: KernelQueue | null = null;
  /** Tensors that were released while operations were queued, by their number of values. */
  readonly #released = new Map<number, TensorInfo[]>();
  /** Those of them that an operation which is still being gathered may read. */
  #inUse: TensorInfo[] = [];

  constructor(backend: WasmBackend, loaded: LoadedKernels) {
    this.#backend = backend;
    this.#memory = loaded.memory;
    this.kernels = loaded.kernels;
    this.isFused = loaded.isFused;
    this.isJoined = loaded.isJoined;
    this.#pool = loaded.pool;
  }

  /** How many threads share the large operations. */
  get threads(): number {
    return this.#isShared ? (this.#pool?.threads ?? 1) : 1;
  }

  /** Shares operations with the pool's threads from now on, or not; which there are was settled at the start. */
  set isShared(isShared: boolean) {
    this.#isShared = isShared;
  }

  /** Ends all threads but this one. */
  async close(): Promise<void> {
    await this.#pool?.close();
  }

  /** Whether an operation of `work` multiply-adds, or as much time, is large enough for several threads. */
  isWorthSharing(work: number): boolean {
    return this.threads > 1 && work >= (this.#queue === null ? LEAST_WORK.alone : LEAST_WORK.queued);
  }

  /**
   * Parts [start, end) of 0 .. count that threads may compute apart; one where the operation is too small to share.
   *
   * @param unit every part but the last is a multiple of this
   * @param work size of the operation, in multiply-adds or as much time
   * @param perThread how many for each thread; 1 where every part prepares the same anew
   */
  parts(count: number, unit: number, work: number, perThread = PARTS_PER_THREAD): [number, number][] {
    const threads = this.threads;
    const wanted = this.isWorthSharing(work) ? Math.min(threads * perThread, MAX_SLICES) : 1;
    const size = Math.max(unit, Math.ceil(count / wanted / unit) * unit);
    if (size >= count) return [[0, count]];
    return Array.from({ length: Math.ceil(count / size) }, (_, i) => [i * size, Math.min(count, (i + 1) * size)]);
  }

  /** Runs a kernel once for each slice's arguments, on all threads. Its scratch space becomes the last argument. */
  run(name: KernelName, slices: number[][], scratchBytes = 0): void {
    const bytes = aligned(scratchBytes);
    if (this.#queue !== null) {
      this.#queue.run(name, slices, bytes);
      return;
    }
    const isShared = this.#pool !== null && this.threads > 1 && slices.length > 1;
    const scratch = bytes > 0 ? this.scratch(isShared ? this.#behind(bytes) : bytes) : 0;
    if (this.#pool !== null && isShared) {
      this.#pool.run({ calls: slices.map((values) => ({ name, values })), scratch, scratchBytes: bytes });
      return;
    }
    for (const slice of slices) this.kernels[name](...(bytes > 0 ? [...slice, scratch] : slice));
  }

  /**
   * Runs a kernel over 0 .. count on all threads.
   *
   * @param over `unit` and `work` as in `parts`
   * @param operands its arguments from `start` on, behind the count; each grows evenly with `start`
   */
  runOver(
    name: KernelName,
    { count, unit, work }: { count: number; unit: number; work: number },
    operands: (start: number) => number[],
    scratchBytes = 0,
  ): void {
    const rows = this.#queue?.rows ?? 0;
    if (this.#queue !== null && rows > 0 && count % rows === 0) {
      const perRow = count / rows;
      const first = operands(0);
      const steps = operands(perRow).map((value, i) => value - (first[i] as number));
      this.#queue.runByRows({ name, values: [perRow, ...first], steps: [0, ...steps] }, aligned(scratchBytes));
      return;
    }
    const slices = this.parts(count, unit, work).map(([start, end]) => [end - start, ...operands(start)]);
    this.run(name, slices, scratchBytes);
  }

  /** Where operations are queued; null where they are not. */
  get queue(): KernelQueue | null {
    return this.#queue;
  }

  /**
   * Calls `work`, whose runs may be queued: other threads begin with the first while this one is still preparing the next, and
   * all are over at the end. Within it nothing may read or write the values of a tensor but by `run`.
   */
  queued<T>(work: () => T): T {
    if (this.#queue !== null || this.#pool === null || this.threads === 1) return work();
    this.#packed = 0;
    const scratch = (bytes: number): number => this.scratch(this.#behind(bytes));
    const queue = new KernelQueue(this.#pool, { scratch, mostRows: this.kernels.gemmRows() });
    this.#queue = queue;
    try {
      return work();
    } finally {
      this.#queue = null;
      try {
        queue.join();
      } finally {
        const released = [...this.#inUse.splice(0), ...[...this.#released.values()].flat()];
        for (const tensor of released) this.#backend.disposeData(tensor.dataId, false);
        this.#released.clear();
      }
    }
  }

  /** Calls `work`, whose kernels over `rows` rows compute each row from the same row of what came before. */
  byRows<T>(rows: number, work: () => T): T {
    return this.#queue === null ? work() : this.#queue.byRows(rows, work);
  }

  /** Calls `work`, whose kernels do not depend on each other. */
  together<T>(work: () => T): T {
    if (this.#queue === null) return work();
    const result = this.#queue.together(work);
    for (const tensor of this.#inUse.splice(0)) this.release(tensor);
    return result;
  }

  /** Waits for queued operations. Packing space that was asked for since the last of them stays the caller's. */
  #settle(): void {
    this.#queue?.join();
  }

  /** Space of `bytes` that stays as it is through runs with up to `scratchBytes` of scratch. */
  besideScratch(bytes: number, scratchBytes: number): number {
    const behind = this.#behind(scratchBytes);
    return this.scratch(behind + bytes) + behind;
  }

  /** The size of every thread's scratch space; a thread that has ended keeps its place. */
  #behind(scratchBytes: number): number {
    return aligned(scratchBytes) * (1 + (this.#pool?.workers ?? 0));
  }

  /** The address of a tensor's values, in bytes. */
  address(tensor: TensorInfo): number {
    return this.#backend.dataIdMap.get(tensor.dataId).memoryOffset;
  }

  /**
   * Frees a float32 tensor that was made here. While operations are queued its memory stays what it is, and a later output of
   * its size takes it: the allocator writes into what it gets back, which an operation may still have to read.
   */
  release(tensor: TensorInfo): void {
    if (this.#queue === null) {
      this.#backend.disposeData(tensor.dataId, false);
      return;
    }
    if (this.#queue.isTogether) {
      this.#inUse.push(tensor);
      return;
    }
    const size = sizeOf(tensor.shape);
    const same = this.#released.get(size);
    if (same === undefined) this.#released.set(size, [tensor]);
    else same.push(tensor);
  }

  /** A new float32 tensor with undefined values. */
  output(shape: number[]): TensorInfo {
    const released = this.#queue === null ? undefined : this.#released.get(sizeOf(shape))?.pop();
    if (released !== undefined) return { ...released, shape };
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
    this.floats(this.address(scalar), 1)[0] = value;
    return scalar;
  }

  /** The value of a scalar. */
  read(scalar: TensorInfo): number {
    return this.floats(this.address(scalar), 1)[0] ?? Number.NaN;
  }

  /** Memory of `bytes` that is the caller's until freed; it starts at a cache line. */
  allocate(bytes: number): number {
    const address = this.#backend.wasm._malloc(bytes + 64) >>> 0;
    if (address === 0) throw outOfMemory(bytes);
    const start = aligned(address + 1);
    // The byte before tells how far back the allocation begins: 1 to 64.
    new Uint8Array(this.#memory.buffer)[start - 1] = start - address;
    return start;
  }

  free(address: number): void {
    this.#backend.wasm._free(address - (new Uint8Array(this.#memory.buffer)[address - 1] ?? 0));
  }

  /** The memory from `address` on. A view is void once anything has been allocated. */
  floats(address: number, count: number): Float32Array {
    return new Float32Array(this.#memory.buffer, address, count);
  }

  doubles(address: number, count: number): Float64Array {
    return new Float64Array(this.#memory.buffer, address, count);
  }

  integers(address: number, count: number): Int32Array {
    return new Int32Array(this.#memory.buffer, address, count);
  }

  /** Space for packed operands, valid until the next call, or while operations are queued; it starts at a cache line. */
  packing(bytes: number): number {
    const isQueued = this.#queue !== null;
    const wanted = isQueued ? Math.max(bytes, QUEUED_PACKING) : bytes;
    if (wanted > this.#packingBytes) {
      this.#settle();
      this.#packed = 0;
      if (this.#packing !== 0) this.free(this.#packing);
      [this.#packing, this.#packingBytes] = [0, 0];
      this.#packing = this.allocate(wanted);
      this.#packingBytes = wanted;
    }
    if (!isQueued) return this.#packing;
    if (this.#packed + bytes > this.#packingBytes) {
      this.#settle();
      this.#packed = 0;
    }
    const start = this.#packing + this.#packed;
    this.#packed += aligned(bytes);
    return start;
  }

  /** Space for one kernel call, valid until the next. */
  scratch(bytes: number): number {
    if (bytes > this.#scratchBytes) {
      this.#settle();
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

/** Rounded up to whole cache lines, so that two threads never write the same one. */
function aligned(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}

/** Loads the kernels into `backend`'s memory, with `threads` threads where that is shared; null where they were not built. */
export function loadKernels(
  backend: WasmBackend,
  threads: number,
  note?: (line: string) => void,
): KernelRuntime | null {
  const memory = backend.wasm.asm?.memory ?? backend.wasm.wasmMemory;
  if (memory === undefined) return null;
  const isShared = !(memory.buffer instanceof ArrayBuffer);
  if (threads > 1 && !isShared)
    note?.('wasm: no memory that threads can share is to be had here; going on with 1 thread');
  const built = (name: string): string => packagePath('dist', 'kernels', name);
  const compiled = compile((name) => built(`${name}${isShared ? '-shared' : ''}.wasm`));
  if (compiled === null) return null;
  const { module, isFused, isJoined } = compiled;
  const { exports } = new webAssembly.Instance(module, { env: { memory } });
  const kernels = isJoined ? leavingCleanRegisters(exports as KernelExports) : (exports as KernelExports);
  const newConstants = (): number => backend.wasm._malloc(kernels.constantsSize()) >>> 0;
  kernels.setConstants(newConstants());
  const program = built('kernelThread.mjs');
  const constants = Array.from({ length: threads - 1 }, newConstants);
  const pool = isShared && threads > 1 ? new KernelPool({ program, module, kernels, memory, constants, note }) : null;
  return new KernelRuntime(backend, { memory, kernels, isFused, isJoined, pool });
}

interface Compiled {
  module: object;
  /** Whether multiply-adds are fused. */
  isFused: boolean;
  /** Whether vectors are joined into wider ones. */
  isJoined: boolean;
}

/** The fastest of the builds that this runtime takes; null where there is none. */
function compile(fileOf: (name: string) => string): Compiled | null {
  const code = (name: string): Uint8Array | null => (existsSync(fileOf(name)) ? readFileSync(fileOf(name)) : null);
  const [wide, fused, plain] = [code('kernels-wide'), code('kernels-relaxed'), code('kernels')];
  if (wide !== null && joinsVectors() && canFuse(wide))
    return { module: compileJoined(wide), isFused: true, isJoined: true };
  const narrow = { isFused: fused !== null && canFuse(fused), isJoined: false };
  const chosen = narrow.isFused ? fused : plain;
  return chosen === null ? null : { module: new webAssembly.Module(chosen), ...narrow };
}

/** Node 20 and 21 know relaxed SIMD but keep it behind a flag, which may be set until the module is compiled. */
function canFuse(code: Uint8Array): boolean {
  if (webAssembly.validate(code)) return true;
  setFlagsFromString('--experimental-wasm-relaxed-simd');
  return webAssembly.validate(code);
}
