// Registers derivatives of plain tfjs operations. tfjs-core's Node bundle leaves its own out (they come with the union
// package alone), so the engine brings those that training a language model needs; one already there is kept.
import type { Attribute, Tensor } from '@tensorflow/tfjs-core';
import * as core from '@tensorflow/tfjs-core';

/** What a derivative sees: the gradient of the output, the saved tensors, and the operation's attributes. */
export interface DerivativeContext {
  /** Gradient of the (first) output. */
  dy: Tensor;
  /** Gradients of all outputs. */
  allDy: Tensor[];
  /** Saved inputs first, in the order of `saves`, then the outputs where `savesOutput`. */
  saved: Tensor[];
  attributes: Record<string, unknown>;
}

export interface Derivative {
  /** Inputs to save for the backward pass. */
  saves?: string[];
  /** All inputs are saved, for an operation over a list. */
  savesAll?: boolean;
  savesOutput?: boolean;
  /** One thunk an input. */
  gradients: (context: DerivativeContext) => Record<string, () => Tensor>;
}

/** Registers the derivative of kernel `kernelName` unless one is there. */
export function registerDerivative(kernelName: string, derivative: Derivative): void {
  if (core.getGradient(kernelName) != null) return;
  core.registerGradient({
    kernelName,
    inputsToSave: derivative.saves ?? [],
    saveAllInputs: derivative.savesAll ?? false,
    outputsToSave: [derivative.savesOutput ?? false],
    gradFunc: (dy, saved, attributes) => {
      const allDy = Array.isArray(dy) ? dy : [dy];
      return derivative.gradients({
        dy: allDy[0] as Tensor,
        allDy,
        saved,
        attributes: attributes as Record<string, Attribute>,
      });
    },
  });
}

/** Sums `gradient` over the axes along which `shape` was broadcast, and gives it that shape. */
export function unbroadcast(gradient: Tensor, shape: number[]): Tensor {
  const axes = core.broadcast_util.getReductionAxes(shape, gradient.shape);
  return core.reshape(axes.length > 0 ? core.sum(gradient, axes) : gradient, shape);
}

/** The saved tensor at `index`. */
export function at(saved: Tensor[], index: number): Tensor {
  const tensor = saved[index];
  if (tensor === undefined) throw new Error(`Expected at least ${index + 1} saved tensors; got ${saved.length}.`);
  return tensor;
}

/** One-hot rows as float32 [n, depth]. Cast, since the wasm back end writes integer bits when asked for float32. */
export function oneHotRows(ids: Tensor, depth: number): Tensor {
  return core.cast(core.oneHot(core.reshape(ids, [ids.size]), depth), 'float32');
}
