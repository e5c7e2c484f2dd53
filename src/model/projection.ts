// The one way of every weight product inside the layers: a module's weight, and its bias where it has one.
import { linear } from '../engine/ops/linear.ts';
import type * as tf from '../engine/tf.ts';
import { type Parameters, parameter } from './parameters.ts';

/**
 * x·Wᵀ + b.
 * @param module full name of the module, as in `model.layers.0.self_attn.q_proj`
 * @param x [..., in]
 * @returns [..., out]
 */
export function project({ parameters }: { parameters: Parameters }, module: string, x: tf.Tensor): tf.Tensor {
  return linear(x, parameter(parameters, `${module}.weight`), parameters.get(`${module}.bias`));
}
