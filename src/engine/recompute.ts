// Recomputation in the backward pass ("gradient checkpointing", Chen et al. 2016): of a part of the model only what goes in
// is kept; what it computed on the way is computed again when its gradients are wanted.
import type { GradSaver } from './ops/checks.ts';
import * as tf from './tf.ts';

export interface RecomputedInput {
  /** Any shape; gradients flow to it. */
  x: tf.Tensor;
  /** What else f reads, none of it trained: positions, masks. */
  constants: tf.Tensor[];
  /** The trained variables that f reads; gradients flow to them. */
  variables: tf.Variable[];
}

type Recomputable = (x: tf.Tensor, constants: tf.Tensor[]) => tf.Tensor;

/**
 * f(x, constants), with nothing but these kept for the backward pass. Values and gradients have the bits of f itself.
 *
 * @param f gives the same for the same input each time, and reads no tensor but its arguments and the variables
 */
export function recomputed(f: Recomputable, { x, constants, variables }: RecomputedInput): tf.Tensor {
  const run = tf.customGrad((...inputs: (tf.Tensor | GradSaver)[]) => {
    const save = inputs.at(-1) as GradSaver;
    save([x, ...constants]);
    return {
      value: f(x, constants),
      gradFunc: (dy: tf.Tensor, [kept, ...rest]: tf.Tensor[]) =>
        gradientsOf((given) => f(given, rest), [kept as tf.Tensor, ...variables], dy),
    };
  });
  return run(x, ...variables);
}

/** Gradients of f(x) with respect to x and each variable, taken within another backward pass. */
function gradientsOf(f: (x: tf.Tensor) => tf.Tensor, inputs: tf.Tensor[], dy: tf.Tensor): tf.Tensor[] {
  // A gradient taken within the backward pass puts its own tape in place of the one that is being walked.
  const { state } = tf.engine();
  const outer = state.activeTape;
  try {
    const { grads } = tf.engine().gradients(() => f(inputs[0] as tf.Tensor), inputs, dy, true);
    return grads.map((gradient, i) => gradient ?? tf.zerosLike(inputs[i] as tf.Tensor));
  } finally {
    state.activeTape = outer;
  }
}
