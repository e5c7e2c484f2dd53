// Runs WGSL programs of ours inside tfjs's WebGPU back end: on its device, on the buffers of its tensors, in the order of
// its own command queue. tfjs's way for programs of users knows one output only; ours may have several, and write in place.
import { FourfoldError } from '../../core/errors.ts';
import type * as tf from '../tf.ts';
import { sizeOf } from './sizes.ts';

export interface TensorInfo {
  dataId: object;
  shape: number[];
  dtype: 'float32' | 'int32' | 'bool';
}

/** The parts of tfjs's WebGPU back end that a dispatch needs. */
export interface WebgpuBackend {
  readonly device: GPUDevice;
  readonly tensorMap: { get(dataId: object): { resource?: GPUBuffer; values: unknown } };
  readonly commandQueueOwnedIds: WeakSet<object>;
  commandEncoder: GPUCommandEncoder | null;
  computePassEncoder: GPUComputePassEncoder | null;
  dispatchCountInPass: number;
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
  uploadToGPU(dataId: object): void;
  disposeData(dataId: object): boolean;
  makeTensorInfo(shape: number[], dtype: string, values?: ArrayLike<number>): TensorInfo;
  incRef(dataId: object): void;
  getBufferData(buffer: GPUBuffer): Promise<ArrayBuffer>;
}

type Access = `${'in' | 'out'} ${'f32' | 'i32' | 'vec4f'}`;

/** One WGSL program. The text sees its buffers by their names, and its numbers as `p.name`. */
export interface Program {
  /** Names the compiled pipeline: programs of one name have one text. */
  name: string;
  /** In the order of their bindings; an `out` buffer may be read too. */
  buffers: Readonly<Record<string, Access>>;
  /** Numbers of a dispatch: sizes, offsets, factors. */
  numbers: Readonly<Record<string, 'u32' | 'f32'>>;
  /** Everything after the declarations, with the entry point `main`. */
  body: string;
}

/** Work groups in x, y and z. */
export type Groups = readonly [number, number?, number?];

/** Dispatches that are gathered before they are submitted; also tfjs's own, which by itself takes 15. */
export const BATCH = 48;
/** WebGPU's limit of work groups along one axis. */
const MOST_GROUPS = 65_535;
/** Buffers of numbers that are kept. */
const MOST_UNIFORMS = 4096;

export class Dispatcher {
  readonly #backend: WebgpuBackend;
  readonly #programs = new Map<string, Compiled>();
  readonly #uniforms = new Map<string, GPUBuffer>();
  /** What is bound for a tensor without values, since WebGPU binds no empty buffers. */
  readonly #nothing: GPUBuffer;

  #fault: string | null = null;

  constructor(backend: tf.KernelBackend) {
    this.#backend = backend as unknown as WebgpuBackend;
    const { device } = this.#backend;
    this.#nothing = device.createBuffer({ size: 16, usage: GPUBufferUsage.STORAGE });
    // The device reports faults later than the call that made them, and computes on with zeros.
    device.addEventListener('uncapturederror', ({ error }) => {
      this.#fault ??= error.message;
    });
    void device.lost.then(({ reason, message }) => {
      if (reason !== 'destroyed') this.#fault ??= `the device was lost: ${message}`;
    });
  }

  /** Bytes of memory that the lanes of one work group may share. */
  get workgroupBytes(): number {
    return this.#backend.device.limits.maxComputeWorkgroupStorageSize;
  }

  /** A new tensor of float32; its values are whatever the buffer held before. */
  output(shape: number[]): TensorInfo {
    return this.#backend.makeTensorInfo(shape, 'float32', sizeOf(shape) === 0 ? new Float32Array() : undefined);
  }

  /** A new tensor of int32, likewise. */
  integers(shape: number[]): TensorInfo {
    return this.#backend.makeTensorInfo(shape, 'int32', sizeOf(shape) === 0 ? new Int32Array() : undefined);
  }

  /** A new tensor of float32 with these values. */
  given(values: ReadonlyArray<number>): TensorInfo {
    return this.#backend.makeTensorInfo([values.length], 'float32', Float32Array.from(values));
  }

  /** The same values as another tensor. */
  shared(tensor: TensorInfo): TensorInfo {
    this.#backend.incRef(tensor.dataId);
    return { dataId: tensor.dataId, shape: tensor.shape, dtype: tensor.dtype };
  }

  /** Puts values into a tensor, after all that is in the queue. */
  write(tensor: TensorInfo, values: Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>): void {
    const buffer = this.#bufferOf(tensor, true);
    this.#submit();
    this.#backend.device.queue.writeBuffer(buffer, 0, values);
  }

  /** The values of a tensor of float32, once the queue has made them. */
  async read(tensor: TensorInfo): Promise<Float32Array> {
    return new Float32Array(await this.#backend.getBufferData(this.#bufferOf(tensor, false)));
  }

  /** Gives back a tensor that no one else holds, once the queue is through with it. */
  release(tensor: TensorInfo): void {
    this.#backend.disposeData(tensor.dataId);
  }

  /** Puts one run of the program into the queue; nothing where it has no work groups, as for results without values. */
  run(program: Program, tensors: Record<string, TensorInfo>, numbers: Record<string, number>, groups: Groups): void {
    if (groups.includes(0)) return;
    this.repeat(this.bind(program, tensors, numbers, groups));
  }

  /** A run of the program that may be put into the queue any number of times while its tensors live. */
  bind(program: Program, tensors: Record<string, TensorInfo>, numbers: Record<string, number>, groups: Groups): Bound {
    const { pipeline, layout, names, fields } = this.#compiled(program);
    const entries: GPUBindGroupEntry[] = names.map(([name, isWritten], binding) => {
      const tensor = tensors[name];
      if (tensor === undefined) throw new Error(`${program.name}: the buffer ${name} is missing.`);
      return { binding, resource: { buffer: this.#bufferOf(tensor, isWritten) } };
    });
    if (fields.length > 0) entries.push({ binding: names.length, resource: this.#uniform(program, fields, numbers) });
    return { name: program.name, pipeline, group: this.#backend.device.createBindGroup({ layout, entries }), groups };
  }

  /** Puts a bound run into the queue. */
  repeat({ name, pipeline, group, groups: [x, y = 1, z = 1] }: Bound): void {
    if (this.#fault !== null) {
      throw new FourfoldError(
        'unsupported',
        `webgpu: expected the device to run ${name}, got: ${this.#fault.split('\n')[0]} Take a smaller batch, or --backend wasm.`,
      );
    }
    const backend = this.#backend;
    backend.ensureCommandEncoderReady();
    backend.computePassEncoder ??= (backend.commandEncoder as GPUCommandEncoder).beginComputePass();
    backend.computePassEncoder.setPipeline(pipeline);
    backend.computePassEncoder.setBindGroup(0, group);
    backend.computePassEncoder.dispatchWorkgroups(x, y, z);
    backend.dispatchCountInPass += 1;
    if (backend.dispatchCountInPass >= BATCH) this.#submit();
  }

  #submit(): void {
    if (this.#backend.commandEncoder === null) return;
    this.#backend.endComputePassEncoder();
    this.#backend.submitQueue();
  }

  #bufferOf(tensor: TensorInfo, isWritten: boolean): GPUBuffer {
    if (sizeOf(tensor.shape) === 0) return this.#nothing;
    const backend = this.#backend;
    backend.uploadToGPU(tensor.dataId);
    backend.commandQueueOwnedIds.add(tensor.dataId);
    const data = backend.tensorMap.get(tensor.dataId);
    if (data.resource === undefined) throw new Error('A tensor has no buffer.');
    // What tfjs remembers of an earlier readback is out of date once the program has run.
    if (isWritten) data.values = null;
    return data.resource;
  }

  /** A buffer with the numbers: the one of an earlier run where they are the same, as in the layers of a model. */
  #uniform(program: Program, fields: [string, 'u32' | 'f32'][], numbers: Record<string, number>): GPUBindingResource {
    const key = fields.map(([name, type]) => `${type}${numbers[name]}`).join();
    const known = this.#uniforms.get(key);
    if (known !== undefined) return { buffer: known };
    const view = new DataView(new ArrayBuffer(4 * fields.length));
    for (const [i, [name, type]] of fields.entries()) {
      const value = numbers[name];
      if (value === undefined) throw new Error(`${program.name}: the number ${name} is missing.`);
      if (type === 'u32') view.setUint32(4 * i, value, true);
      else view.setFloat32(4 * i, value, true);
    }
    const { device } = this.#backend;
    const buffer = device.createBuffer({
      size: view.byteLength,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    device.queue.writeBuffer(buffer, 0, view.buffer);
    // Those of step counts and learning rates come once; the device keeps what it still needs.
    if (this.#uniforms.size >= MOST_UNIFORMS) this.#uniforms.clear();
    this.#uniforms.set(key, buffer);
    return { buffer };
  }

  #compiled(program: Program): Compiled {
    const known = this.#programs.get(program.name);
    if (known !== undefined) return known;
    const module = this.#backend.device.createShaderModule({ label: program.name, code: textOf(program) });
    const pipeline = this.#backend.device.createComputePipeline({
      label: program.name,
      layout: 'auto',
      compute: { module, entryPoint: 'main' },
    });
    const compiled: Compiled = {
      pipeline,
      layout: pipeline.getBindGroupLayout(0),
      names: Object.entries(program.buffers).map(([name, access]) => [name, access.startsWith('out')]),
      fields: Object.entries(program.numbers),
    };
    this.#programs.set(program.name, compiled);
    return compiled;
  }
}

/** A run of a program with its tensors and numbers. */
export interface Bound {
  name: string;
  pipeline: GPUComputePipeline;
  group: GPUBindGroup;
  groups: Groups;
}

/** A program as the device has it. */
interface Compiled {
  pipeline: GPUComputePipeline;
  layout: GPUBindGroupLayout;
  /** Its buffers, and whether each is written. */
  names: [string, boolean][];
  fields: [string, 'u32' | 'f32'][];
}

/** The whole WGSL text of a program. */
export function textOf({ buffers, numbers, body }: Program): string {
  const declared = Object.entries(buffers).map(([name, access], binding) => {
    const [direction, type] = access.split(' ');
    const mode = direction === 'in' ? 'read' : 'read_write';
    return `@group(0) @binding(${binding}) var<storage, ${mode}> ${name}: array<${type}>;`;
  });
  const fields = Object.entries(numbers).map(([name, type]) => `${name}: ${type},`);
  const uniforms =
    fields.length === 0
      ? []
      : [`struct Numbers { ${fields.join(' ')} }`, `@group(0) @binding(${declared.length}) var<uniform> p: Numbers;`];
  return [...declared, ...uniforms, body].join('\n');
}

/** Work groups for `count` units of one group each: along x, then y. The program reads its unit with `unitOf`. */
export function groupsFor(count: number): Groups {
  const x = Math.min(count, MOST_GROUPS);
  return [x, Math.ceil(count / Math.max(x, 1))];
}

/** WGSL: the number of a work group that `groupsFor` laid out. */
export const UNIT_OF = `
fn unitOf(group: vec3u, groups: vec3u) -> u32 { return group.x + group.y * groups.x; }`;
