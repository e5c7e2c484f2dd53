// Runs one case on the current back end: its outputs, and the gradients of a fixed random mixture of them.
import * as tf from '../tf.ts';
import { type Values, valuesOf } from './allClose.ts';
import { type OperationCase, randomValues } from './cases.ts';

export interface Evaluation {
  outputs: Values[];
  gradients: Values[];
}

/** The case's random inputs, as plain arrays. */
export function inputsOf({ name, shapes }: OperationCase): Float32Array[] {
  return shapes.map((shape, i) => randomValues(`${name} input ${i}`, tf.util.sizeFromShape(shape)));
}

/** Evaluates the fused operation or its reference on `inputs`. */
export async function evaluate(
  operation: OperationCase,
  which: 'fused' | 'reference',
  inputs: Float32Array[],
): Promise<Evaluation> {
  const run = operation[which];
  const tensors = operation.shapes.map((shape, i) => tf.tensor(inputs[i] as Float32Array, shape));
  const integers = operation.integers.map(({ shape, values }) => tf.tensor(values, shape, 'int32'));
  const outputs = tf.tidy(() => run(tensors, integers));
  const mixture = (...given: tf.Tensor[]): tf.Tensor => mix(operation, run(given, integers));
  const gradients = tf.tidy(() => tf.grads(mixture)(tensors));
  const evaluation = {
    outputs: await Promise.all(outputs.map(valuesOf)),
    gradients: await Promise.all(gradients.map(valuesOf)),
  };
  tf.dispose([tensors, integers, outputs, gradients]);
  return evaluation;
}

/** Σ outputs · fixed random coefficients, over those outputs that carry a gradient. */
function mix(operation: OperationCase, outputs: tf.Tensor[]): tf.Tensor {
  const parts = outputs.slice(0, operation.differentiable ?? outputs.length).map((output, i) => {
    const coefficients = tf.tensor(randomValues(`${operation.name} mixture ${i}`, output.size), output.shape);
    return tf.sum(tf.mul(output, coefficients));
  });
  return tf.addN(parts);
}

/** The same mixture of evaluated outputs, in double precision. */
export function mixtureOf(operation: OperationCase, outputs: Values[]): number {
  let total = 0;
  for (const [i, { data }] of outputs.slice(0, operation.differentiable ?? outputs.length).entries()) {
    const coefficients = randomValues(`${operation.name} mixture ${i}`, data.length);
    for (let j = 0; j < data.length; j++) total += Number(data[j]) * Number(coefficients[j]);
  }
  return total;
}
