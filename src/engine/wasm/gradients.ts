// Derivatives of our kernels. Each input has its own thunk, so that a frozen weight costs nothing.
import { runKernel, runKernels } from '../ops/checks.ts';
import * as tf from '../tf.ts';

type Attributes = Record<string, unknown>;
type Thunks = Record<string, () => tf.Tensor>;

interface KernelGradient {
  saves: string[];
  savesOutputs?: boolean[];
  gradients: (dy: tf.Tensor, saved: tf.Tensor[], attributes: Attributes) => Thunks;
}

const attentionGradient = (kernel: string): KernelGradient => ({
  saves: ['query', 'key', 'value', 'keyStart'],
  savesOutputs: [true, true],
  gradients: (dy, [query, key, value, keyStart, out, logSums], attributes) => {
    const forward = { query: some(query), key: some(key), value: some(value), keyStart: some(keyStart) };
    const inputs = { ...forward, out: some(out), logSums: some(logSums), dy };
    const [dQuery, dKey, dValue] = runKernels(kernel, inputs, attributes);
    return {
      query: () => some(dQuery),
      key: () => some(dKey),
      value: () => some(dValue),
      keyStart: () => tf.zerosLike(some(keyStart)),
    };
  },
});

const GRADIENTS: Record<string, KernelGradient> = {
  FourfoldLinear: {
    saves: ['x', 'weight'],
    gradients: (dy, [x, weight]) => ({
      x: () => runKernel('FourfoldLinearInputGradient', { dy, weight: some(weight) }),
      weight: () => runKernel('FourfoldLinearWeightGradient', { dy, x: some(x) }),
      bias: () => runKernel('FourfoldSumRows', { x: dy }),
    }),
  },
  FourfoldQuantizedLinear: {
    saves: ['packed', 'scales'],
    gradients: (dy, [packed, scales], { width }) => ({
      x: () =>
        runKernel(
          'FourfoldQuantizedLinearInputGradient',
          { dy, packed: some(packed), scales: some(scales) },
          { width },
        ),
      packed: () => tf.zerosLike(some(packed)),
      scales: () => tf.zerosLike(some(scales)),
      bias: () => runKernel('FourfoldSumRows', { x: dy }),
    }),
  },
  FourfoldEmbedding: {
    saves: ['table', 'ids'],
    gradients: (dy, [table, ids]) => ({
      table: () => runKernel('FourfoldEmbeddingGradient', { dy, ids: some(ids) }, { vocab: some(table).shape[0] }),
      ids: () => tf.zerosLike(some(ids)),
    }),
  },
  FourfoldRmsNorm: {
    saves: ['x', 'weight'],
    savesOutputs: [false, true],
    gradients: (dy, [x, weight, scales]) => {
      const inputs = { x: some(x), scales: some(scales), dy };
      return {
        x: () => runKernel('FourfoldRmsNormGradient', { ...inputs, weight: some(weight) }),
        weight: () => runKernel('FourfoldRmsNormGainGradient', inputs),
      };
    },
  },
  FourfoldLayerNorm: {
    saves: ['x', 'weight'],
    savesOutputs: [false, true, true],
    gradients: (dy, [x, weight, means, scales]) => {
      const inputs = { x: some(x), means: some(means), scales: some(scales), dy };
      return {
        x: () => runKernel('FourfoldLayerNormGradient', { ...inputs, weight: some(weight) }),
        weight: () => runKernel('FourfoldLayerNormGainGradient', inputs),
        bias: () => runKernel('FourfoldSumRows', { x: dy }),
      };
    },
  },
  FourfoldGelu: {
    saves: ['x'],
    gradients: (dy, [x], attributes) => ({
      x: () => runKernel('FourfoldGeluGradient', { x: some(x), dy }, attributes),
    }),
  },
  FourfoldRotary: {
    saves: ['positions', 'cos', 'sin'],
    gradients: (dy, [positions, cos, sin], { sign }) => ({
      x: () =>
        runKernel(
          'FourfoldRotary',
          { x: dy, positions: some(positions), cos: some(cos), sin: some(sin) },
          { sign: -Number(sign) },
        ),
      positions: () => tf.zerosLike(some(positions)),
      cos: () => tf.zerosLike(some(cos)),
      sin: () => tf.zerosLike(some(sin)),
    }),
  },
  FourfoldAttention: attentionGradient('FourfoldAttentionGradient'),
  FourfoldBoundedAttention: attentionGradient('FourfoldBoundedAttentionGradient'),
  FourfoldSwiglu: {
    saves: ['gate', 'up'],
    gradients: (dy, [gate, up]) => {
      const [dGate, dUp] = runKernels('FourfoldSwigluGradient', { gate: some(gate), up: some(up), dy });
      return { gate: () => some(dGate), up: () => some(dUp) };
    },
  },
  FourfoldSoftmax: {
    saves: [],
    savesOutputs: [true],
    gradients: (dy, [y]) => ({ x: () => runKernel('FourfoldSoftmaxGradient', { y: some(y), dy }) }),
  },
  FourfoldLogSoftmax: {
    saves: [],
    savesOutputs: [true],
    gradients: (dy, [y]) => ({ x: () => runKernel('FourfoldLogSoftmaxGradient', { y: some(y), dy }) }),
  },
  FourfoldTokenLogProbs: {
    saves: ['hidden', 'weight', 'targets'],
    savesOutputs: [false, false, true, true, true],
    gradients: (dy, [hidden, weight, targets, logSums, dHidden, dWeight], { scale, trainsWeight, foreseen }) => {
      const forward = { hidden: some(hidden), weight: some(weight), targets: some(targets) };
      // Gradients that the forward pass left behind.
      const left = { ...(dHidden === undefined ? {} : { dHidden }), ...(dWeight === undefined ? {} : { dWeight }) };
      const want = (wantsHidden: boolean, wantsWeight: boolean): tf.Tensor[] =>
        runKernels(
          'FourfoldTokenLogProbsGradient',
          { ...forward, logSums: some(logSums), dy, ...left },
          { scale, wantsHidden, wantsWeight, ...(foreseen === undefined ? {} : { foreseen }) },
        );
      const still = { targets: () => tf.zerosLike(some(targets)) };
      if (trainsWeight !== true) {
        return { hidden: () => some(want(true, false)[0]), weight: () => some(want(false, true)[0]), ...still };
      }
      // Both at once: the logits are computed again only once.
      const [ofHidden, ofWeight] = want(true, true);
      return { hidden: () => some(ofHidden), weight: () => some(ofWeight), ...still };
    },
  },
};

function some(tensor: tf.Tensor | undefined): tf.Tensor {
  if (tensor === undefined) throw new Error('A saved tensor is missing.');
  return tensor;
}

/** Registers the derivatives of all kernels, once. */
export function registerKernelGradients(): void {
  for (const [kernelName, { saves, savesOutputs, gradients }] of Object.entries(GRADIENTS)) {
    if (tf.getGradient(kernelName) !== undefined) continue;
    tf.registerGradient({
      kernelName,
      inputsToSave: saves,
      outputsToSave: savesOutputs ?? [],
      gradFunc: (dy, saved, attributes) =>
        gradients((Array.isArray(dy) ? dy[0] : dy) as tf.Tensor, saved, attributes as Attributes),
    });
  }
}
