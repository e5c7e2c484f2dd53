// The one way of every weight product inside the layers: a module's weight, its bias where it has one, and what an adapter
// adds to it.
import { linear } from '../engine/ops/linear.ts';
import { type QuantizedMatrix, quantizedLinear } from '../engine/ops/quantizedLinear.ts';
import * as tf from '../engine/tf.ts';
import { type ActiveAdapter, adapterUpdate } from './lora/adapter.ts';
import { type Parameters, parameter } from './parameters.ts';

/** The weights of a model, as products see them. */
export interface ModelWeights {
  readonly parameters: Parameters;
  /** The adapter at work; none where absent. */
  readonly adapter?: ActiveAdapter | null;
  /** Frozen weights in int8, by module, which are not among the parameters then; none where absent. */
  readonly quantized?: ReadonlyMap<string, QuantizedMatrix> | null;
}

/** True where every product is a plain one: no adapter and nothing quantised, so that a kernel may take the parameters as they are. */
export const hasPlainWeights = ({ adapter, quantized }: ModelWeights): boolean =>
  (adapter ?? null) === null && (quantized ?? null) === null;

/**
 * x·Wᵀ + b, and the adapter's s·(x·Aᵀ)·Bᵀ.
 * @param module full name of the module, as in `model.layers.0.self_attn.q_proj`
 * @param x [..., in]
 * @returns [..., out]
 */
export function project({ parameters, adapter, quantized }: ModelWeights, module: string, x: tf.Tensor): tf.Tensor {
  const [int8, bias] = [quantized?.get(module), parameters.get(`${module}.bias`)];
  const plain =
    int8 === undefined ? linear(x, parameter(parameters, `${module}.weight`), bias) : quantizedLinear(x, int8, bias);
  const update = (adapter ?? null) === null ? null : adapterUpdate(adapter as ActiveAdapter, module, x);
  return update === null ? plain : tf.add(plain, update);
}
