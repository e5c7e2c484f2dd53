// TensorFlow's own operations by name, on the ids that tfjs-node's binding gives its tensors. What lies between the inputs
// and the outputs of a kernel never becomes a tfjs tensor, which would take twice as long as a small operation itself.
import { FourfoldError } from '../../core/errors.ts';
import * as tf from '../tf.ts';

/** What the binding's executeOp takes for an attribute. */
export interface Attribute {
  name: string;
  type: number;
  value: unknown;
}

interface Output {
  id: number;
  shape: number[];
  dtype: number;
}

/** The native module; the part of it that is used here. */
export interface Binding {
  TF_Version: string;
  TF_FLOAT: number;
  TF_INT32: number;
  TF_ATTR_INT: number;
  TF_ATTR_BOOL: number;
  TF_ATTR_SHAPE: number;
  TF_ATTR_STRING: number;
  TF_ATTR_TYPE: number;
  createTensor(shape: number[], dtype: number, values: Float32Array | Int32Array): number;
  deleteTensor(id: number): void;
  executeOp(name: string, attributes: Attribute[], inputs: number[], outputs: number): Output[];
  tensorDataSync(id: number): Float32Array | Int32Array;
  loadSavedModel(folder: string, tags: string): number;
  /** Names are joined by commas. */
  runSavedModel(graph: number, inputs: number[], inputNames: string, outputNames: string): Output[];
}

/** tfjs-node's back end. */
export interface NodeBackend extends tf.KernelBackend {
  binding: Binding;
  isUsingGpuDevice: boolean;
  tensorMap: tf.DataStorage<{ id: number; values: tf.BackendValues | null }>;
  getInputTensorIds(tensors: tf.TensorInfo[]): number[];
  createOutputTensor(output: Output): tf.Tensor;
}

/** A tensor within a kernel. */
export interface Value {
  id: number;
  shape: number[];
  dtype: number;
}

/** Constants kept at once; all go when there are more. */
const MOST_CONSTANTS = 2048;

/** TensorFlow's operations during one call of a kernel; `finish` gives the outputs to tfjs and frees the rest. */
export class Operations {
  readonly #backend: NodeBackend;
  readonly #binding: Binding;
  readonly #made = new Set<number>();

  constructor(backend: NodeBackend) {
    this.#backend = backend;
    this.#binding = backend.binding;
  }

  /** A tensor of tfjs. */
  input(tensor: tf.TensorInfo): Value {
    const [id] = this.#backend.getInputTensorIds([tensor]);
    return { id: id as number, shape: tensor.shape, dtype: tensor.dtype === 'int32' ? this.#binding.TF_INT32 : 1 };
  }

  /** One operation with any number of outputs. */
  runMany(name: string, inputs: Value[], attributes: Attribute[], outputs: number): Value[] {
    const made = this.#binding.executeOp(
      name,
      attributes,
      inputs.map(({ id }) => id),
      outputs,
    );
    for (const { id } of made) this.#made.add(id);
    return made;
  }

  /** One operation with one output. */
  run(name: string, inputs: Value[], attributes: Attribute[] = []): Value {
    return this.runMany(name, inputs, attributes, 1)[0] as Value;
  }

  flag(name: string, value: boolean): Attribute {
    return { name, type: this.#binding.TF_ATTR_BOOL, value };
  }

  count(name: string, value: number): Attribute {
    return { name, type: this.#binding.TF_ATTR_INT, value };
  }

  /** One operation over a list of float32 tensors, and what follows the list. */
  runOverList(name: string, list: Value[], ...rest: Value[]): Value {
    const type = { name: 'T', type: this.#binding.TF_ATTR_TYPE, value: this.#binding.TF_FLOAT };
    return this.run(name, [...list, ...rest], [this.count('N', list.length), type]);
  }

  /** A constant of float32, kept between calls: a number, or values with their shape. */
  constant(key: string, shape: number[], values: () => Float32Array): Value {
    return constantOf(this.#binding, `f ${shape} ${key}`, shape, this.#binding.TF_FLOAT, values);
  }

  scalar(value: number): Value {
    return this.constant(String(value), [], () => Float32Array.of(value));
  }

  /** A constant of int32, kept between calls. */
  integer(value: number): Value {
    return constantOf(this.#binding, `n ${value}`, [], this.#binding.TF_INT32, () => Int32Array.of(value));
  }

  /** A constant list of int32, kept between calls. */
  integers(values: number[]): Value {
    const make = (): Int32Array => Int32Array.from(values);
    return constantOf(this.#binding, `i ${values}`, [values.length], this.#binding.TF_INT32, make);
  }

  /** Values of this call alone, on the host; they must not change. */
  integersOf(values: Int32Array): Value {
    const id = this.#binding.createTensor([values.length], this.#binding.TF_INT32, values);
    this.#made.add(id);
    return { id, shape: [values.length], dtype: this.#binding.TF_INT32 };
  }

  /** Values of this call alone; they must not change. */
  floatsOf(values: Float32Array, shape: number[]): Value {
    const id = this.#binding.createTensor(shape, this.#binding.TF_FLOAT, values);
    this.#made.add(id);
    return { id, shape, dtype: this.#binding.TF_FLOAT };
  }

  /** Takes over what another call of the binding made. */
  adopt(values: Value[]): Value[] {
    for (const { id } of values) this.#made.add(id);
    return values;
  }

  /** The values of a tensor. */
  read({ id }: Value): Float32Array | Int32Array {
    return this.#binding.tensorDataSync(id);
  }

  reshape(x: Value, shape: number[]): Value {
    const isSame = shape.length === x.shape.length && shape.every((size, i) => size === x.shape[i]);
    return isSame ? x : this.run('Reshape', [x, this.integers(shape)]);
  }

  transpose(x: Value, order: number[]): Value {
    return this.run('Transpose', [x, this.integers(order)]);
  }

  add(a: Value, b: Value): Value {
    return this.run('AddV2', [a, b]);
  }

  sub(a: Value, b: Value): Value {
    return this.run('Sub', [a, b]);
  }

  mul(a: Value, b: Value): Value {
    return this.run('Mul', [a, b]);
  }

  /** The sum over `axes`, which stay as 1 where `keeps`. */
  sum(x: Value, axes: number[], keeps: boolean): Value {
    return this.run('Sum', [x, this.integers(axes)], [this.flag('keep_dims', keeps)]);
  }

  /** op(a)·op(b) of two matrices. */
  matMul(a: Value, b: Value, transposeA = false, transposeB = false): Value {
    return this.run('MatMul', [a, b], [this.flag('transpose_a', transposeA), this.flag('transpose_b', transposeB)]);
  }

  /** op(a)·op(b) of stacks of matrices. */
  batchMatMul(a: Value, b: Value, transposeA = false, transposeB = false): Value {
    return this.run('BatchMatMulV2', [a, b], [this.flag('adj_x', transposeA), this.flag('adj_y', transposeB)]);
  }

  /** Over the last axis: by oneDNN where this build of TensorFlow has it, three times as fast as TensorFlow's own. */
  softmax(x: Value): Value {
    if (!hasOneDnnSoftmax || x.shape.length === 0) return this.run('Softmax', [x]);
    try {
      return this.run(
        '_MklSoftmax',
        [x],
        [
          { name: 'T', type: this.#binding.TF_ATTR_TYPE, value: this.#binding.TF_FLOAT },
          { name: '_kernel', type: this.#binding.TF_ATTR_STRING, value: 'MklNameChangeOp' },
        ],
      );
    } catch {
      hasOneDnnSoftmax = false;
      return this.run('Softmax', [x]);
    }
  }

  /**
   * Changes tensors of tfjs in place. Their memory goes to TensorFlow's variables and to nobody else, so that `update`,
   * which gets the variables, need not copy it first (TensorFlow does where something else shares it); then back.
   * @param tensors what changes
   * @param values what each starts from: itself, or another value of its shape
   */
  updateInPlace(tensors: tf.TensorInfo[], values: Value[], update: (variables: Value[]) => void): void {
    const slots = values.map((_, i) => variableSlot(this.#binding, i));
    for (const [i, value] of values.entries()) this.runMany('AssignVariableOp', [slots[i] as Value, value], [], 0);
    const entries = tensors.map(({ dataId }) => this.#backend.tensorMap.get(dataId));
    for (const { id } of entries) this.#binding.deleteTensor(id);
    this.free();
    try {
      update(slots);
    } finally {
      const dtype = { name: 'dtype', type: this.#binding.TF_ATTR_TYPE, value: this.#binding.TF_FLOAT };
      for (const [i, entry] of entries.entries()) {
        const { id } = this.run('ReadVariableOp', [slots[i] as Value], [dtype]);
        this.#made.delete(id);
        entry.id = id;
      }
    }
  }

  /** Puts a value made here in place of a tensor's own. */
  replace({ dataId }: tf.TensorInfo, value: Value): void {
    const entry = this.#backend.tensorMap.get(dataId);
    this.#binding.deleteTensor(entry.id);
    this.#made.delete(value.id);
    entry.id = value.id;
  }

  /** Hands the outputs over as tensors of tfjs, and frees everything else. */
  finish(outputs: Value[]): tf.Tensor[] {
    // What is an input still (reshaped to its own shape) becomes a tensor of its own, on the same memory.
    const own = outputs.map((output) => (this.#made.has(output.id) ? output : this.run('Identity', [output])));
    for (const { id } of own) this.#made.delete(id);
    this.free();
    return own.map((output) => this.#backend.createOutputTensor(output));
  }

  /** Frees what was made. */
  free(): void {
    for (const id of this.#made) this.#binding.deleteTensor(id);
    this.#made.clear();
  }
}

/** Found out at the first use. */
let hasOneDnnSoftmax = true;

const constants = new Map<string, Value>();

function constantOf(
  binding: Binding,
  key: string,
  shape: number[],
  dtype: number,
  values: () => Float32Array | Int32Array,
): Value {
  const kept = constants.get(key);
  if (kept !== undefined) return kept;
  const made = { id: binding.createTensor(shape, dtype, values()), shape, dtype };
  constants.set(key, made);
  return made;
}

/** Variables of TensorFlow that `updateInPlace` uses again and again; a new value may have another shape. */
const slots: Value[] = [];

function variableSlot(binding: Binding, index: number): Value {
  const kept = slots[index];
  if (kept !== undefined) return kept;
  const attributes = [
    { name: 'dtype', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
    { name: 'shape', type: binding.TF_ATTR_SHAPE, value: [] },
    { name: 'shared_name', type: binding.TF_ATTR_STRING, value: `fourfold-${index}` },
  ];
  const made = binding.executeOp('VarHandleOp', attributes, [], 1)[0] as Value;
  slots[index] = made;
  return made;
}

/** Frees the constants where they have become many. Between kernels only: within one they may still be in use. */
function boundConstants(binding: Binding): void {
  if (constants.size <= MOST_CONSTANTS) return;
  for (const { id } of constants.values()) binding.deleteTensor(id);
  constants.clear();
}

export interface KernelCall {
  operations: Operations;
  attributes: Record<string, unknown>;
  /** All inputs, as tensors of tfjs. */
  tensors: Record<string, tf.TensorInfo>;
  /** An input that the kernel cannot do without. */
  input: (name: string) => Value;
  /** An input, where it was given. */
  optional: (name: string) => Value | null;
  /** A numeric attribute. */
  number: (name: string) => number;
}

/** Registers kernel `name` for the back end tensorflow, in place of one already there. */
export function defineKernel(name: string, run: (call: KernelCall) => Value | Value[]): void {
  if (tf.getKernel(name, 'tensorflow') !== undefined) tf.unregisterKernel(name, 'tensorflow');
  tf.registerKernel({
    kernelName: name,
    backendName: 'tensorflow',
    kernelFunc: ({ inputs, attrs, backend }) => {
      const { binding } = backend as NodeBackend;
      boundConstants(binding);
      const operations = new Operations(backend as NodeBackend);
      const tensors = inputs as unknown as Record<string, tf.TensorInfo>;
      const attributes = (attrs ?? {}) as Record<string, unknown>;
      const optional = (key: string): Value | null => {
        const tensor = tensors[key];
        return tensor === undefined ? null : operations.input(tensor);
      };
      const input = (key: string): Value => {
        const value = optional(key);
        if (value === null) throw new FourfoldError('internal', `${name}: expected the input ${key}; none came.`);
        return value;
      };
      const number = (key: string): number => Number(attributes[key]);
      try {
        const made = run({ operations, attributes, tensors, input, optional, number });
        const outputs = operations.finish(Array.isArray(made) ? made : [made]);
        return Array.isArray(made) ? outputs : (outputs[0] as tf.Tensor);
      } finally {
        operations.free();
      }
    },
  });
}

/** The product of all dimensions but the last, and the last. */
export function rowsOf(shape: number[]): { rows: number; width: number } {
  return { rows: shape.slice(0, -1).reduce((product, size) => product * size, 1), width: shape.at(-1) ?? 1 };
}
