// What the transformer reads: weights with their shape, and a batch of ids.
import type * as tf from '../engine/tf.ts';
import type { ModelConfig } from './config.ts';
import type { Attend } from './kvCache.ts';
import type { Parameters } from './parameters.ts';
import type { ModelWeights } from './projection.ts';
import type { ModelTables } from './ropeScaling.ts';

/** What the transformer computes with; a Model is one. */
export interface Trunk extends ModelWeights {
  readonly config: ModelConfig;
  readonly tables: ModelTables;
  /**
   * The trained variables, where each layer is to keep nothing but its input for the backward pass, in which it is computed
   * again; all activations are kept where absent.
   */
  readonly recomputes?: Parameters | undefined;
}

export interface TransformerInput {
  /** [batch, time] int32 */
  ids: tf.Tensor2D;
  /** [batch, time] int32: position of each id in its own sequence; padding may have any below maxPositions. */
  positions: tf.Tensor2D;
  /** [batch] int32: first valid key of each row (left padding); right padding needs none, being in the future. */
  keyStart: tf.Tensor1D;
  /** How each layer attends; among the batch's own tokens, causally, where absent. */
  attend?: Attend | undefined;
  /**
   * [n] int32: flat indices (row * time + column) of the positions whose hidden states are wanted; all where absent. The
   * last layer then computes no others beyond its attention, and the output has the shape [1, n, hidden].
   */
  wanted?: tf.Tensor1D | undefined;
}

export interface LayerInput extends Pick<TransformerInput, 'positions' | 'keyStart' | 'attend' | 'wanted'> {
  /** [batch, time, hidden] */
  hidden: tf.Tensor3D;
}
