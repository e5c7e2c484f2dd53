// Attention on TensorFlow: products of stacks of matrices, with the weights kept for the backward pass. Query heads that
// share a key head stand below one another, so that one product serves them all.
import { defineKernel, type KernelCall, type Operations, type Value } from './raw.ts';

/** Added to the score of a key that a query may not see. */
const HIDDEN = -1e9;

interface Sizes {
  batch: number;
  time: number;
  heads: number;
  headDim: number;
  keys: number;
  kvHeads: number;
}

export function defineAttention(): void {
  defineKernel('FourfoldAttention', (call) => {
    const { operations, input, number } = call;
    const sizes = sizesOf(call);
    const { batch, time, heads, keys, kvHeads, headDim } = sizes;
    const { query, key, value } = stacks(call, sizes);
    const scaled = operations.mul(query, operations.scalar(number('scale')));
    const scores = operations.reshape(operations.batchMatMul(scaled, key, false, true), [batch, heads, time, keys]);
    const starts = Array.from(operations.read(input('keyStart')));
    const weights = operations.softmax(masked(operations, scores, starts));
    const stacked = operations.reshape(weights, [batch * kvHeads, (heads / kvHeads) * time, keys]);
    const mixed = operations.reshape(operations.batchMatMul(stacked, value), [batch, heads, time, headDim]);
    return [operations.transpose(blanked(operations, mixed, starts, keys), [0, 2, 1, 3]), stacked];
  });

  // With P the weights and O = P·V: dV = Pᵀ·dO, dS = P∘(dO·Vᵀ - Σ dO∘O), dQ = scale·dS·K, dK = scale·dSᵀ·Q.
  defineKernel('FourfoldAttentionGradient', (call) => {
    const { operations, input, number } = call;
    const sizes = sizesOf(call);
    const { query, key, value } = stacks(call, sizes);
    const weights = input('logSums');
    const starts = Array.from(operations.read(input('keyStart')));
    const slopes = byHeads(operations, input('dy'));
    const dOut = stack(operations, blanked(operations, slopes, starts, sizes.keys), sizes);
    const out = stack(operations, byHeads(operations, input('out')), sizes);
    const dWeights = operations.batchMatMul(dOut, value, false, true);
    const inner = operations.sum(operations.mul(dOut, out), [-1], true);
    const dScores = operations.mul(weights, operations.sub(dWeights, inner));
    const scale = operations.scalar(number('scale'));
    const dQuery = operations.mul(operations.batchMatMul(dScores, key), scale);
    const dKey = operations.mul(operations.batchMatMul(dScores, query, true), scale);
    const dValue = operations.batchMatMul(weights, dOut, true);
    const { batch, time, heads, keys, kvHeads, headDim } = sizes;
    const back = (x: Value, shape: number[]): Value => operations.transpose(operations.reshape(x, shape), [0, 2, 1, 3]);
    return [
      back(dQuery, [batch, heads, time, headDim]),
      back(dKey, [batch, kvHeads, keys, headDim]),
      back(dValue, [batch, kvHeads, keys, headDim]),
    ];
  });
}

function sizesOf({ input }: KernelCall): Sizes {
  const [batch, time, heads, headDim] = input('query').shape as [number, number, number, number];
  const [, keys, kvHeads] = input('key').shape as [number, number, number];
  return { batch, time, heads, headDim, keys, kvHeads };
}

/** [batch, time, heads, headDim] as [batch, heads, time, headDim] */
function byHeads(operations: Operations, x: Value): Value {
  const [batch, time, heads, headDim] = x.shape as [number, number, number, number];
  // With one row in time, or one head, the values lie in the same order.
  if (time === 1 || heads === 1) return operations.reshape(x, [batch, heads, time, headDim]);
  return operations.transpose(x, [0, 2, 1, 3]);
}

/** [batch, heads, time, headDim] as [batch·kvHeads, (heads/kvHeads)·time, headDim] */
function stack(operations: Operations, x: Value, { batch, heads, kvHeads, time, headDim }: Sizes): Value {
  return operations.reshape(x, [batch * kvHeads, (heads / kvHeads) * time, headDim]);
}

function stacks({ operations, input }: KernelCall, sizes: Sizes): { query: Value; key: Value; value: Value } {
  const { batch, kvHeads, keys, headDim } = sizes;
  const ofKeys = (name: string): Value =>
    operations.reshape(byHeads(operations, input(name)), [batch * kvHeads, keys, headDim]);
  const query = stack(operations, byHeads(operations, input('query')), sizes);
  return { query, key: ofKeys('key'), value: ofKeys('value') };
}

/** Scores [batch, heads, time, keys] with a large negative number added where the key is in the future or in padding. */
function masked(operations: Operations, scores: Value, starts: number[]): Value {
  const [batch, , time, keys] = scores.shape as [number, number, number, number];
  let result = scores;
  if (time > 1) {
    const future = operations.constant('future', [1, 1, time, keys], () =>
      Float32Array.from({ length: time * keys }, (_, at) => {
        const [row, column] = [Math.floor(at / keys), at % keys];
        return column > keys - time + row ? HIDDEN : 0;
      }),
    );
    result = operations.add(result, future);
  }
  if (starts.some((start) => start > 0)) {
    const padding = operations.constant(`padding ${starts}`, [batch, 1, 1, keys], () =>
      Float32Array.from({ length: batch * keys }, (_, at) =>
        at % keys < (starts[Math.floor(at / keys)] ?? 0) ? HIDDEN : 0,
      ),
    );
    result = operations.add(result, padding);
  }
  return result;
}

/** [batch, heads, time, headDim] with zeros at queries that see no key: those in the padding themselves. */
function blanked(operations: Operations, x: Value, starts: number[], keys: number): Value {
  const [batch, , time] = x.shape as [number, number, number, number];
  const first = keys - time;
  if (starts.every((start) => start <= first)) return x;
  const sees = operations.constant(`sees ${keys} ${starts}`, [batch, 1, time, 1], () =>
    Float32Array.from({ length: batch * time }, (_, at) =>
      first + (at % time) >= (starts[Math.floor(at / time)] ?? 0) ? 1 : 0,
    ),
  );
  return operations.mul(x, sees);
}
