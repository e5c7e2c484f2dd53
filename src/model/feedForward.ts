// The feed-forward layer of a transformer: gated (Shazeer 2020) or plain, by the model's switches.
import { gelu } from '../engine/ops/gelu.ts';
import { swiglu } from '../engine/ops/swiglu.ts';
import * as tf from '../engine/tf.ts';
import { type Activation, layerModule, type ModelConfig } from './config.ts';
import { type ModelWeights, project } from './projection.ts';

function activate(x: tf.Tensor, activation: Activation): tf.Tensor {
  switch (activation) {
    case 'silu':
      return tf.mul(x, tf.sigmoid(x));
    case 'gelu':
      return gelu(x, 'none');
    case 'geluTanh':
      return gelu(x, 'tanh');
    case 'relu':
      return tf.relu(x);
    default:
      return activation satisfies never;
  }
}

/** activation(gate)·up */
function gated(gate: tf.Tensor, up: tf.Tensor, activation: Activation): tf.Tensor {
  return activation === 'silu' ? swiglu(gate, up) : tf.mul(activate(gate, activation), up);
}

/** @param input [batch, time, hidden] @returns [batch, time, hidden] */
export function feedForward(
  model: ModelWeights & { config: ModelConfig },
  layer: number,
  input: tf.Tensor3D,
): tf.Tensor3D {
  const { activation, intermediate, modules } = model.config;
  const names = modules.feedForward;
  const through = (name: string, x: tf.Tensor) => project(model, layerModule(model.config, layer, name), x);
  const inner = (): tf.Tensor => {
    if ('gate' in names) return gated(through(names.gate, input), through(names.up, input), activation);
    if ('up' in names) return activate(through(names.up, input), activation);
    const [gate, up] = tf.split(through(names.fused, input), [intermediate, intermediate], 2);
    return gated(gate as tf.Tensor, up as tf.Tensor, activation);
  };
  return through(modules.down, inner()) as tf.Tensor3D;
}
