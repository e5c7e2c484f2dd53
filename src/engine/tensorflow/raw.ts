// TensorFlow's own operations by name, on the ids that tfjs-node's binding gives its tensors. What lies between the inputs
// and the outputs of a kernel never becomes a tfjs tensor, which would take twice as long as a small operation itself.
import type * as tf from '../tf.ts';

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
  TF_ATTR_FLOAT: number;
  TF_ATTR_BOOL: number;
  TF_ATTR_STRING: number;
  TF_ATTR_TYPE: number;
  createTensor(shape: number[], dtype: number, values: Float32Array | Int32Array): number;
  deleteTensor(id: number): void;
  executeOp(name: string, attributes: Attribute[], inputs: number[], outputs: number): Output[];
  tensorDataSync(id: number): Float32Array;
}

/** tfjs-node's back end. */
export interface NodeBackend extends tf.KernelBackend {
  binding: Binding;
  isUsingGpuDevice: boolean;
  getInputTensorIds(tensors: tf.TensorInfo[]): number[];
  createOutputTensor(output: Output): tf.Tensor;
}
