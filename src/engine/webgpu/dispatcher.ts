// Runs WGSL programs of ours inside tfjs's WebGPU back end: on its device, on the buffers of its tensors, in the order of
// its own command queue. tfjs's way for programs of users knows one output only; ours may have several, and write in place.
import { FourfoldError } from '../../core/errors.ts';
import type * as tf from '../tf.ts';

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
  makeTensorInfo(shape: number[], dtype: string): TensorInfo;
  makeUniforms(fields: Array<{ type: string; data: number[] }>): GPUBindingResource;
}

type Access = 'in f32' | 'in i32' | 'out f32' | 'out i32';

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

/** As many dispatches as tfjs's own gathers before it submits them. */
const BATCH = 15;
/** WebGPU's limit of work groups along one axis. */
const MOST_GROUPS = 65_535;

export class Dispatcher {
  readonly #backend: WebgpuBackend;
  readonly #pipelines = new Map<string, GPUComputePipeline>();

  #fault: string | null = null;

  constructor(backend: tf.KernelBackend) {
    this.#backend = backend as unknown as WebgpuBackend;
    const { device } = this.#backend;
    // The device reports faults later than the call that made them, and computes on with zeros.
    device.addEventListener('uncapturederror', ({ error }) => {
      this.#fault ??= error.message;
    });
    void device.lost.then(({ reason, message }) => {
      if (reason !== 'destroyed') this.#fault ??= `the device was lost: ${message}`;
    });
  }

  /** A new tensor of float32; its values are whatever the buffer held before. */
  output(shape: number[]): TensorInfo {
    return this.#backend.makeTensorInfo(shape, 'float32');
  }

  /** Gives back a tensor that no one else holds, once the queue is through with it. */
  release(tensor: TensorInfo): void {
    this.#backend.disposeData(tensor.dataId);
  }

  /** Puts one run of the program into the queue. */
  run(program: Program, tensors: Record<string, TensorInfo>, numbers: Record<string, number>, groups: Groups): void {
    if (this.#fault !== null) {
      throw new FourfoldError(
        'unsupported',
        `webgpu: expected the device to run ${program.name}, got: ${this.#fault.split('\n')[0]} Take a smaller batch, or --backend wasm.`,
      );
    }
    const backend = this.#backend;
    const bound = Object.entries(program.buffers).map(([name, access]) => {
      const tensor = tensors[name];
      if (tensor === undefined) throw new Error(`${program.name}: the buffer ${name} is missing.`);
      backend.uploadToGPU(tensor.dataId);
      backend.commandQueueOwnedIds.add(tensor.dataId);
      const data = backend.tensorMap.get(tensor.dataId);
      const buffer = data.resource;
      if (buffer === undefined) throw new Error(`${program.name}: the tensor ${name} has no buffer.`);
      // What tfjs remembers of an earlier readback is out of date once the program has run.
      if (access.startsWith('out')) data.values = null;
      return { buffer };
    });
    const fields = Object.entries(program.numbers).map(([name, type]) => {
      const value = numbers[name];
      if (value === undefined) throw new Error(`${program.name}: the number ${name} is missing.`);
      return { type: type === 'u32' ? 'uint32' : 'float32', data: [value] };
    });
    const resources = fields.length === 0 ? bound : [...bound, backend.makeUniforms(fields)];
    const pipeline = this.#pipelineOf(program);
    const bindGroup = backend.device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: resources.map((resource, binding) => ({ binding, resource })),
    });
    backend.ensureCommandEncoderReady();
    backend.computePassEncoder ??= (backend.commandEncoder as GPUCommandEncoder).beginComputePass();
    backend.computePassEncoder.setPipeline(pipeline);
    backend.computePassEncoder.setBindGroup(0, bindGroup);
    const [x, y = 1, z = 1] = groups;
    backend.computePassEncoder.dispatchWorkgroups(x, y, z);
    backend.dispatchCountInPass += 1;
    if (backend.dispatchCountInPass >= BATCH) {
      backend.endComputePassEncoder();
      backend.submitQueue();
    }
  }

  #pipelineOf(program: Program): GPUComputePipeline {
    const known = this.#pipelines.get(program.name);
    if (known !== undefined) return known;
    const module = this.#backend.device.createShaderModule({ label: program.name, code: textOf(program) });
    const pipeline = this.#backend.device.createComputePipeline({
      label: program.name,
      layout: 'auto',
      compute: { module, entryPoint: 'main' },
    });
    this.#pipelines.set(program.name, pipeline);
    return pipeline;
  }
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
