// A whole layer of Llama's kind as one operation: norms by root mean square, rotary positions, causal attention and a gated
// feed-forward layer (Touvron et al. 2023, section 2.2), with both residual branches. Its value and gradients are those of
// the operations that it is made of; what it saves is what lies between them, and the memory of it.
import * as tf from '../tf.ts';
import { attentionReference } from './attention.ts';
import { badShape, dimension, expectInt32, expectShape, type GradSaver, hasKernel, runKernels } from './checks.ts';
import { embeddingReference } from './embedding.ts';
import { linearReference } from './linear.ts';
import { rmsNormReference } from './rmsNorm.ts';
import { rotaryReference } from './rotary.ts';
import { swigluReference } from './swiglu.ts';

/** The weights, matrices as [out, in]. */
export interface LlamaLayerWeights {
  /** [hidden] */
  attentionNorm: tf.Tensor;
  /** [heads·headDim, hidden] */
  query: tf.Tensor;
  /** [kvHeads·headDim, hidden] */
  key: tf.Tensor;
  /** [kvHeads·headDim, hidden] */
  value: tf.Tensor;
  /** [hidden, heads·headDim] */
  attentionOutput: tf.Tensor;
  /** [hidden] */
  feedForwardNorm: tf.Tensor;
  /** [intermediate, hidden] */
  gate: tf.Tensor;
  /** [intermediate, hidden] */
  up: tf.Tensor;
  /** [hidden, intermediate] */
  down: tf.Tensor;
}

/** Their names, in the order in which the kernels give their gradients. */
export const LLAMA_LAYER_WEIGHTS = [
  ...['attentionNorm', 'query', 'key', 'value', 'attentionOutput', 'feedForwardNorm', 'gate', 'up', 'down'],
] as ReadonlyArray<keyof LlamaLayerWeights>;

export interface LlamaLayerInput {
  /** [batch, time, hidden] */
  hidden: tf.Tensor3D;
  weights: LlamaLayerWeights;
  /** int32 [batch, time] */
  positions: tf.Tensor;
  /** int32 [batch]: the first valid key of each row */
  keyStart: tf.Tensor;
  /** [maxPositions, headDim/2] each */
  rotary: { cos: tf.Tensor; sin: tf.Tensor };
  /** int32 [n]: flat indices of the positions whose outputs are wanted; all where absent. */
  wanted?: tf.Tensor1D | undefined;
  heads: number;
  kvHeads: number;
  /** Added to the mean square in both norms. */
  epsilon: number;
  /** Multiplies the attention scores. */
  scale: number;
  /** A query sees this many keys at most; all where null. */
  window: number | null;
}

/** Whether the back end has the operation. */
export function hasLlamaLayer(...tensors: tf.Tensor[]): boolean {
  return hasKernel('FourfoldLlamaLayer', ...tensors);
}

/**
 * The layer's output. Where `hasLlamaLayer` says no it is the reference, which takes longer than the single operations.
 * @returns [batch, time, hidden], or [1, n, hidden] of n wanted positions
 */
export function llamaLayer(input: LlamaLayerInput): tf.Tensor3D {
  checkLlamaLayer(input);
  if (!hasLlamaLayer(input.hidden)) return llamaLayerReference(input);
  const { hidden, weights, positions, keyStart, rotary, wanted, heads, kvHeads, epsilon, scale, window } = input;
  const constants = { positions, keyStart, ...rotary, ...(wanted === undefined ? {} : { wanted }) };
  const names = ['hidden', ...LLAMA_LAYER_WEIGHTS, ...Object.keys(constants)];
  // Without a tape nothing is kept for a backward pass.
  const { gradientDepth, kernelDepth } = tf.engine().state;
  const keeps = gradientDepth > 0 && kernelDepth === 0;
  const attributes = { heads, kvHeads, epsilon, scale, window: window ?? 0, keeps };
  const run = tf.customGrad((...given: (tf.Tensor | GradSaver)[]) => {
    const save = given.at(-1) as GradSaver;
    const inputs = { hidden, ...weights, ...constants } as Record<string, tf.Tensor>;
    const [output, ...kept] = runKernels('FourfoldLlamaLayer', inputs, attributes);
    save([...names.map((name) => inputs[name] as tf.Tensor), ...kept]);
    return { value: output as tf.Tensor, gradFunc: (dy, saved) => gradientsOf(dy, saved, names, attributes) };
  });
  const trained = [hidden, ...LLAMA_LAYER_WEIGHTS.map((name) => weights[name])];
  return run(...trained) as tf.Tensor3D;
}

/** The same in plain tfjs operations. */
export function llamaLayerReference(input: LlamaLayerInput): tf.Tensor3D {
  const { hidden, weights, positions, keyStart, rotary, wanted, heads, kvHeads, epsilon, scale, window } = input;
  const [batch, time] = hidden.shape;
  /** [batch, time, size] as the wanted rows [1, n, size], or all */
  const chosen = (x: tf.Tensor): tf.Tensor => {
    if (wanted === undefined) return x;
    const size = dimension(x.shape, -1);
    return tf.reshape(embeddingReference(tf.reshape(x, [batch * time, size]), wanted), [1, wanted.size, size]);
  };
  return tf.tidy(() => {
    const normed = rmsNormReference(hidden, weights.attentionNorm, epsilon);
    const byHead = (weight: tf.Tensor, count: number): tf.Tensor =>
      tf.reshape(linearReference(normed, weight), [batch, time, count, dimension(weight.shape, 0) / count]);
    const [query, key] = [byHead(weights.query, heads), byHead(weights.key, kvHeads)].map((x) =>
      rotaryReference(x, positions, rotary),
    ) as [tf.Tensor, tf.Tensor];
    const value = byHead(weights.value, kvHeads);
    const mixed = attentionReference({ query, key, value, keyStart, scale, ...(window === null ? {} : { window }) });
    const joined = tf.reshape(mixed, [batch, time, dimension(weights.query.shape, 0)]);
    const attended = tf.add(chosen(hidden), linearReference(chosen(joined), weights.attentionOutput));
    const between = rmsNormReference(attended, weights.feedForwardNorm, epsilon);
    const gated = swigluReference(linearReference(between, weights.gate), linearReference(between, weights.up));
    return tf.add<tf.Tensor3D>(attended, linearReference(gated, weights.down));
  });
}

/** Of the hidden states and each weight; what was saved goes, so that the layers before can use its memory. */
function gradientsOf(dy: tf.Tensor, saved: tf.Tensor[], names: string[], attributes: object): tf.Tensor[] {
  const kept = saved.slice(names.length).map((tensor, i) => [`kept${i}`, tensor] as const);
  const inputs = { dy, ...Object.fromEntries([...names.map((name, i) => [name, saved[i]]), ...kept]) };
  const gradients = runKernels('FourfoldLlamaLayerGradient', inputs as Record<string, tf.Tensor>, attributes);
  tf.dispose(saved);
  return gradients;
}

function checkLlamaLayer({ hidden, weights, ...rest }: LlamaLayerInput): void {
  const { positions, keyStart, rotary, heads, kvHeads, window } = rest;
  const check = (name: string, tensor: tf.Tensor, expected: number[]): void =>
    expectShape('llamaLayer', `${name} (for hidden of shape [${hidden.shape.join(', ')}])`, tensor.shape, expected);
  const [batch, time, width] = hidden.shape;
  const dims = dimension(weights.query.shape, 0) / heads;
  const inner = dimension(weights.gate.shape, 0);
  if (!Number.isInteger(dims) || heads % kvHeads !== 0 || (window !== null && !(window >= 1))) {
    const actual = `${heads}, ${kvHeads}, query [${weights.query.shape.join(', ')}] and ${window}`;
    throw badShape('llamaLayer', 'heads a multiple of kvHeads, whole heads and a window of at least 1', actual);
  }
  expectInt32('llamaLayer', 'positions', positions);
  expectInt32('llamaLayer', 'keyStart', keyStart);
  check('positions', positions, [batch, time]);
  check('keyStart', keyStart, [batch]);
  expectShape('llamaLayer', 'cos', rotary.cos.shape, [null, dims / 2]);
  expectShape('llamaLayer', 'sin', rotary.sin.shape, rotary.cos.shape);
  check('attentionNorm', weights.attentionNorm, [width]);
  check('query', weights.query, [heads * dims, width]);
  check('key', weights.key, [kvHeads * dims, width]);
  check('value', weights.value, [kvHeads * dims, width]);
  check('attentionOutput', weights.attentionOutput, [width, heads * dims]);
  check('feedForwardNorm', weights.feedForwardNorm, [width]);
  check('gate', weights.gate, [inner, width]);
  check('up', weights.up, [inner, width]);
  check('down', weights.down, [width, inner]);
}
