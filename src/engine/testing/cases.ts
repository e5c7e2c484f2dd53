// One list of cases for every fused operation, run on each back end: inputs from a seed, the operation, its reference.
import { randomFrom, seedOf } from '../../core/random.ts';
import { type AttentionInput, attention, attentionReference } from '../ops/attention.ts';
import { embedding, embeddingReference } from '../ops/embedding.ts';
import { gelu, geluReference } from '../ops/gelu.ts';
import { layerNorm, layerNormReference } from '../ops/layerNorm.ts';
import { linear, linearReference } from '../ops/linear.ts';
import { LLAMA_LAYER_WEIGHTS, type LlamaLayerInput, llamaLayer, llamaLayerReference } from '../ops/llamaLayer.ts';
import { rmsNorm, rmsNormReference } from '../ops/rmsNorm.ts';
import { rotary, rotaryReference, rotaryTables } from '../ops/rotary.ts';
import { logSoftmax, logSoftmaxReference, softmax, softmaxReference } from '../ops/softmax.ts';
import { swiglu, swigluReference } from '../ops/swiglu.ts';
import { tokenLogProbs, tokenLogProbsReference } from '../ops/tokenLogProbs.ts';
import * as tf from '../tf.ts';

export interface OperationCase {
  name: string;
  /** Shapes of the float32 inputs that gradients are taken for. */
  shapes: number[][];
  /** Integer inputs. */
  integers: { shape: number[]; values: number[] }[];
  fused: (inputs: tf.Tensor[], integers: tf.Tensor[]) => tf.Tensor[];
  reference: (inputs: tf.Tensor[], integers: tf.Tensor[]) => tf.Tensor[];
  /** How many of the outputs carry a gradient; all where absent. */
  differentiable?: number;
}

type Two = [tf.Tensor, tf.Tensor];
type Three = [tf.Tensor, tf.Tensor, tf.Tensor];

/** Normal random values, the same for the same name. */
export function randomValues(name: string, size: number): Float32Array {
  const random = randomFrom(seedOf(name));
  return Float32Array.from({ length: size }, () => random.normal());
}

function randomIntegers(name: string, shape: number[], limit: number): { shape: number[]; values: number[] } {
  const random = randomFrom(seedOf(name));
  const size = shape.reduce((product, n) => product * n, 1);
  return { shape, values: Array.from({ length: size }, () => random.integer(limit)) };
}

function linearCase(batch: number[], width: number, out: number, hasBias: boolean): OperationCase {
  return {
    name: `linear [${batch}, ${width}] to ${out}${hasBias ? ' with bias' : ''}`,
    shapes: [[...batch, width], [out, width], ...(hasBias ? [[out]] : [])],
    integers: [],
    fused: ([x, weight, bias]) => [linear(x as tf.Tensor, weight as tf.Tensor, bias)],
    reference: ([x, weight, bias]) => [linearReference(x as tf.Tensor, weight as tf.Tensor, bias)],
  };
}

function attentionCase(size: {
  time: number;
  keys: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  starts: number[];
  window?: number;
  softcap?: number;
}): OperationCase {
  const { time, keys, heads, kvHeads, headDim, starts, ...bounds } = size;
  const input = ([query, key, value]: tf.Tensor[], [keyStart]: tf.Tensor[]): AttentionInput =>
    ({ query, key, value, keyStart, ...bounds }) as AttentionInput;
  return {
    name: `attention ${JSON.stringify(size)}`,
    shapes: [
      [starts.length, time, heads, headDim],
      [starts.length, keys, kvHeads, headDim],
      [starts.length, keys, kvHeads, headDim],
    ],
    integers: [{ shape: [starts.length], values: starts }],
    fused: (...given) => [attention(input(...given))],
    reference: (...given) => [attentionReference(input(...given))],
  };
}

function logProbsCase(
  size: [n: number, vocab: number, width: number],
  temperature: number,
  { hasBias = false, ...switches }: { hasBias?: boolean; softcap?: number } = {},
): OperationCase {
  const [n, vocab, width] = size;
  const input = ([hidden, weight, bias]: tf.Tensor[], [targets]: tf.Tensor[]) =>
    ({ hidden, weight, targets, temperature, bias, ...switches }) as Parameters<typeof tokenLogProbs>[0];
  const how = `${hasBias ? ', with bias' : ''}${switches.softcap === undefined ? '' : `, capped at ${switches.softcap}`}`;
  return {
    name: `tokenLogProbs ${n} of ${vocab} from ${width} at temperature ${temperature}${how}`,
    shapes: [[n, width], [vocab, width], ...(hasBias ? [[vocab]] : [])],
    integers: [randomIntegers('targets', [n], vocab)],
    fused: (...given) => Object.values(tokenLogProbs(input(...given))),
    reference: (...given) => Object.values(tokenLogProbsReference(input(...given))),
    differentiable: 1,
  };
}

function rowCase(name: 'softmax' | 'logSoftmax', shape: number[]): OperationCase {
  const [fused, reference] = { softmax: [softmax, softmaxReference], logSoftmax: [logSoftmax, logSoftmaxReference] }[
    name
  ] as [typeof softmax, typeof softmax];
  return {
    name: `${name} [${shape}]`,
    shapes: [shape],
    integers: [],
    fused: ([x]) => [fused(x as tf.Tensor)],
    reference: ([x]) => [reference(x as tf.Tensor)],
  };
}

function rotaryCase([batch, time, heads, headDim]: [number, number, number, number], dims = headDim): OperationCase {
  const turn = (f: typeof rotary) => (inputs: tf.Tensor[], integers: tf.Tensor[]) => [
    f(inputs[0] as tf.Tensor, integers[0] as tf.Tensor, rotaryTables({ headDim: dims, maxPositions: 40, theta: 1e4 })),
  ];
  return {
    name: `rotary [${batch}, ${time}, ${heads}, ${headDim}]${dims < headDim ? ` of ${dims}` : ''}`,
    shapes: [[batch, time, heads, headDim]],
    integers: [randomIntegers('positions', [batch, time], 40)],
    fused: turn(rotary),
    reference: turn(rotaryReference),
  };
}

/** One value alone is normalised to ±1 but for epsilon, on which its derivative then hangs: a large one keeps digits. */
function rmsNormCase(shape: number[], epsilon = 1e-5): OperationCase {
  return {
    name: `rmsNorm [${shape}]`,
    shapes: [shape, [shape.at(-1) ?? 1]],
    integers: [],
    fused: (inputs) => [rmsNorm(...(inputs as Two), epsilon)],
    reference: (inputs) => [rmsNormReference(...(inputs as Two), epsilon)],
  };
}

function layerNormCase(shape: number[]): OperationCase {
  const width = shape.at(-1) ?? 1;
  const run =
    (f: typeof layerNorm) =>
    ([x, weight, bias]: tf.Tensor[]) => [
      f(x as tf.Tensor, { weight: weight as tf.Tensor, bias: bias as tf.Tensor }, 1e-5),
    ];
  return {
    name: `layerNorm [${shape}]`,
    shapes: [shape, [width], [width]],
    integers: [],
    fused: run(layerNorm),
    reference: run(layerNormReference),
  };
}

function geluCase(approximation: 'none' | 'tanh', shape: number[]): OperationCase {
  return {
    name: `gelu (${approximation}) [${shape}]`,
    shapes: [shape],
    integers: [],
    fused: ([x]) => [gelu(x as tf.Tensor, approximation)],
    reference: ([x]) => [geluReference(x as tf.Tensor, approximation)],
  };
}

function swigluCase(shape: number[]): OperationCase {
  return {
    name: `swiglu [${shape}]`,
    shapes: [shape, shape],
    integers: [],
    fused: (inputs) => [swiglu(...(inputs as Two))],
    reference: (inputs) => [swigluReference(...(inputs as Two))],
  };
}

function embeddingCase(vocab: number, width: number, shape: number[]): OperationCase {
  return {
    name: `embedding [${vocab}, ${width}] at [${shape}]`,
    shapes: [[vocab, width]],
    integers: [randomIntegers('ids', shape, vocab)],
    fused: ([table], [ids]) => [embedding(table as tf.Tensor, ids as tf.Tensor)],
    reference: ([table], [ids]) => [embeddingReference(table as tf.Tensor, ids as tf.Tensor)],
  };
}

/** Matrices are divided by the root of their columns, so that what lies between is of the size of the hidden states. */
function llamaLayerCase(size: {
  time: number;
  starts: number[];
  width: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  inner: number;
  window?: number;
  wanted?: number[];
}): OperationCase {
  const { time, starts, width, heads, kvHeads, headDim, inner, window = null, wanted } = size;
  const [batch, wide, narrow] = [starts.length, heads * headDim, kvHeads * headDim];
  const input = ([hidden, ...weights]: tf.Tensor[], [positions, keyStart, rows]: tf.Tensor[]): LlamaLayerInput => {
    const named = LLAMA_LAYER_WEIGHTS.map((name, i) => {
      const weight = weights[i] as tf.Tensor;
      return [name, weight.rank === 1 ? weight : tf.div(weight, Math.sqrt(weight.shape[1] as number))];
    });
    return {
      ...{ hidden, positions, keyStart, weights: Object.fromEntries(named), wanted: rows, heads, kvHeads, window },
      ...{
        rotary: rotaryTables({ headDim, maxPositions: 40, theta: 1e4 }),
        epsilon: 1e-5,
        scale: 1 / Math.sqrt(headDim),
      },
    } as LlamaLayerInput;
  };
  return {
    name: `llamaLayer ${JSON.stringify(size)}`,
    shapes: [
      [batch, time, width],
      ...[[width], [wide, width], [narrow, width], [narrow, width], [width, wide]],
      ...[[width], [inner, width], [inner, width], [width, inner]],
    ],
    integers: [
      randomIntegers('positions', [batch, time], 40),
      { shape: [batch], values: starts },
      ...(wanted === undefined ? [] : [{ shape: [wanted.length], values: wanted }]),
    ],
    fused: (...given) => [llamaLayer(input(...given))],
    reference: (...given) => [llamaLayerReference(input(...given))],
  };
}

function matMulCase(shapes: [number[], number[]], transposeA: boolean, transposeB: boolean): OperationCase {
  const product = ([a, b]: tf.Tensor[]): tf.Tensor[] => [tf.matMul(...([a, b] as Two), transposeA, transposeB)];
  const name = `matMul [${shapes[0]}]${transposeA ? 'ᵀ' : ''} [${shapes[1]}]${transposeB ? 'ᵀ' : ''}`;
  return { name, shapes, integers: [], fused: product, reference: product };
}

/** A composition of plain operations, for their derivatives. */
function plainCase(): OperationCase {
  const f = ([a, b, c]: tf.Tensor[]): tf.Tensor[] => {
    const [x, y, z] = [a, b, c] as Three;
    const joined = tf.concat([tf.tanh(x), tf.mul(x, y), tf.sub(x, z)], 0);
    const rows = tf.gather(joined, tf.tensor1d([0, 2, 2], 'int32'), 0);
    const pair = tf.stack([tf.softplus(rows), tf.minimum(rows, 0.3)], 1);
    const squeezed = tf.mean(tf.square(tf.clipByValue(tf.transpose(pair, [1, 0, 2]), -2, 2)), 2);
    const chosen = tf.where(
      tf.greater(rows, 0),
      tf.sqrt(tf.add(tf.square(rows), 1)),
      tf.rsqrt(tf.add(tf.exp(rows), 1)),
    );
    return [squeezed, tf.max(chosen, 1), tf.logSumExp(tf.div(x, tf.add(1, tf.square(y))), -1), tf.cumsum(z, 1)];
  };
  return { name: 'plain operations', shapes: [[2, 5], [5], [2, 5]], integers: [], fused: f, reference: f };
}

/** Sizes around the tiles of the kernels: 1, 7, 8, 9, 33, and beyond one block of each kind. */
export const OPERATION_CASES: OperationCase[] = [
  linearCase([1], 1, 1, false),
  linearCase([7], 9, 8, true),
  linearCase([2, 3], 8, 33, true),
  linearCase([33], 33, 7, false),
  linearCase([9], 257, 515, true),
  linearCase([1], 33, 35, true),
  linearCase([2, 66], 36, 136, true),
  linearCase([5], 132, 8, false),
  matMulCase(
    [
      [3, 5, 7],
      [3, 7, 9],
    ],
    false,
    false,
  ),
  matMulCase(
    [
      [3, 7, 5],
      [3, 7, 9],
    ],
    true,
    false,
  ),
  matMulCase(
    [
      [3, 5, 7],
      [3, 9, 7],
    ],
    false,
    true,
  ),
  matMulCase(
    [
      [2, 3, 7, 5],
      [3, 9, 7],
    ],
    true,
    true,
  ),
  embeddingCase(7, 9, [2, 3]),
  embeddingCase(33, 8, [41]),
  rmsNormCase([1, 1], 0.1),
  rmsNormCase([3, 7, 33]),
  layerNormCase([5, 7]),
  layerNormCase([3, 7, 33]),
  rotaryCase([2, 3, 2, 8]),
  rotaryCase([1, 7, 3, 14]),
  rotaryCase([2, 3, 2, 9], 4),
  attentionCase({ time: 1, keys: 1, heads: 1, kvHeads: 1, headDim: 1, starts: [0] }),
  attentionCase({ time: 7, keys: 7, heads: 4, kvHeads: 2, headDim: 8, starts: [0, 3, 6] }),
  attentionCase({ time: 3, keys: 9, heads: 3, kvHeads: 1, headDim: 7, starts: [0, 8] }),
  attentionCase({ time: 70, keys: 73, heads: 2, kvHeads: 2, headDim: 9, starts: [0, 33] }),
  attentionCase({ time: 7, keys: 7, heads: 4, kvHeads: 2, headDim: 8, starts: [0, 3, 6], window: 2 }),
  attentionCase({ time: 3, keys: 9, heads: 3, kvHeads: 1, headDim: 7, starts: [0, 8], window: 4, softcap: 0.7 }),
  attentionCase({ time: 70, keys: 73, heads: 2, kvHeads: 2, headDim: 9, starts: [0, 33], window: 9 }),
  attentionCase({ time: 70, keys: 73, heads: 2, kvHeads: 1, headDim: 9, starts: [0, 33], softcap: 20 }),
  attentionCase({ time: 70, keys: 73, heads: 2, kvHeads: 1, headDim: 64, starts: [0, 33], window: 40 }),
  geluCase('none', [4097]),
  geluCase('none', [3, 7]),
  geluCase('tanh', [4097]),
  geluCase('tanh', [3, 7]),
  swigluCase([4097]),
  swigluCase([3, 7]),
  rowCase('softmax', [1]),
  rowCase('softmax', [3, 33]),
  rowCase('logSoftmax', [4097]),
  rowCase('logSoftmax', [7, 9]),
  logProbsCase([1, 7, 8], 1),
  logProbsCase([9, 33, 7], 0.7),
  logProbsCase([7, 1025, 9], 1),
  logProbsCase([12, 132, 20], 0.7),
  logProbsCase([7, 33, 9], 0.7, { hasBias: true }),
  logProbsCase([9, 33, 7], 0.7, { hasBias: true, softcap: 2 }),
  llamaLayerCase({ time: 1, starts: [0], width: 5, heads: 1, kvHeads: 1, headDim: 2, inner: 3 }),
  llamaLayerCase({ time: 7, starts: [0, 3, 6], width: 9, heads: 4, kvHeads: 2, headDim: 8, inner: 33 }),
  llamaLayerCase({ time: 9, starts: [0, 8], width: 33, heads: 3, kvHeads: 1, headDim: 10, inner: 7, window: 4 }),
  llamaLayerCase({
    time: 7,
    starts: [0, 2],
    width: 10,
    heads: 2,
    kvHeads: 1,
    headDim: 10,
    inner: 9,
    wanted: [13, 0, 5, 5],
  }),
  llamaLayerCase({
    time: 9,
    starts: [4],
    width: 12,
    heads: 2,
    kvHeads: 2,
    headDim: 8,
    inner: 8,
    window: 2,
    wanted: [8],
  }),
  llamaLayerCase({ time: 3, starts: [0], width: 7, heads: 1, kvHeads: 1, headDim: 8, inner: 5, wanted: [0, 1, 2] }),
  plainCase(),
];
