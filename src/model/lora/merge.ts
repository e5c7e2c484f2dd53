// An adapter and its base made one, and back: W' = W + s·B·A (Hu et al. 2021, section 4.1).
import * as tf from '../../engine/tf.ts';
import { type Parameters, parameter } from '../parameters.ts';
import { type Adapter, modulesOf, nameOfA, nameOfB, scaleOf } from './adapter.ts';

/** s·B·A. @returns [out, in] */
function deltaOf({ settings, parameters }: Adapter, module: string): tf.Tensor {
  return tf.tidy(() => {
    const [a, b] = [parameter(parameters, nameOfA(module)), parameter(parameters, nameOfB(module))];
    return tf.matMul(b as tf.Tensor, tf.mul(a, scaleOf(settings)));
  });
}

function addDelta(weights: Parameters, adapter: Adapter, sign: 1 | -1): void {
  for (const module of modulesOf(adapter)) {
    const weight = parameter(weights, `${module}.weight`);
    tf.tidy(() => {
      const delta = deltaOf(adapter, module);
      weight.assign(sign === 1 ? tf.add(weight, delta) : tf.sub(weight, delta));
    });
  }
}

/** Adds the adapter's update to the weights, in place. */
export const mergeInto = (weights: Parameters, adapter: Adapter): void => addDelta(weights, adapter, 1);

/** Takes the adapter's update off again, in place; the weights are what they were but for float32 rounding. */
export const unmergeFrom = (weights: Parameters, adapter: Adapter): void => addDelta(weights, adapter, -1);

/**
 * The parameters with the adapter merged: new variables for the modules that it changes, the given ones for all others.
 * @returns all parameters, and the new ones alone, which the caller disposes
 */
export function mergedParameters(weights: Parameters, adapter: Adapter): { all: Parameters; own: Parameters } {
  const own: Parameters = new Map();
  for (const module of modulesOf(adapter)) {
    const name = `${module}.weight`;
    const sum = tf.tidy(() => tf.add(parameter(weights, name), deltaOf(adapter, module)));
    own.set(name, tf.variable(sum, false));
    sum.dispose();
  }
  return { all: new Map([...weights, ...own]), own };
}
