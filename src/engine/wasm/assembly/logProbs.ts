// Log-probabilities of chosen tokens and entropies straight from hidden states, in blocks over the vocabulary:
// only [n, BLOCK] logits exist at a time, with a running maximum and sum (Milakov and Gimelshein 2018, algorithm 3).
import { GEMM_SCRATCH, gemm } from './gemm';
import { exp1, exp4, log1, madd, maxLanes, sumLanes } from './vector';

const BLOCK: i32 = 512;

/** Bytes of scratch for n positions: gemm's own, one block of logits, and three running values a position. */
export function logProbsScratch(n: i32): i32 {
  return GEMM_SCRATCH + n * BLOCK * 4 + n * 12;
}

/** Tokens in one block of the vocabulary. */
export function logProbsBlock(): i32 {
  return BLOCK;
}

/** logProbs, entropy and logSums [n] of softmax(hidden·weightᵀ·scale); scale = 1 / temperature. */
export function logProbs(
  n: i32, vocab: i32, width: i32, hidden: usize, weight: usize, targets: usize, scale: f32,
  toLogProbs: usize, toEntropy: usize, toLogSums: usize, scratch: usize,
): void {
  const logits = scratch + GEMM_SCRATCH;
  const tops = logits + ((<usize>n * BLOCK) << 2);
  const sums = tops + (<usize>n << 2);
  const means = sums + (<usize>n << 2);
  for (let v0 = 0; v0 < vocab; v0 += BLOCK) {
    const block = min(BLOCK, vocab - v0);
    gemm(n, block, width, hidden, width, 1, weight + ((<usize>v0 * width) << 2), 1, width, logits, block, 0, scratch);
    for (let i = 0; i < n; i++) {
      const row = logits + ((<usize>i * block) << 2);
      const here = <usize>i << 2;
      const blockTop = scaleRow(block, row, scale);
      const target = load<i32>(targets + here) - v0;
      if (target >= 0 && target < block) store<f32>(toLogProbs + here, load<f32>(row + (<usize>target << 2)));
      let top = blockTop;
      let sum: f32 = 0, mean: f32 = 0;
      if (v0 > 0) {
        const before = load<f32>(tops + here);
        top = max(before, blockTop);
        const shrink = exp1(before - top);
        const oldSum = load<f32>(sums + here);
        mean = (load<f32>(means + here) + oldSum * (before - top)) * shrink;
        sum = oldSum * shrink;
      }
      addRow(block, row, top);
      store<f32>(tops + here, top);
      store<f32>(sums + here, sum + blockSum);
      store<f32>(means + here, mean + blockMean);
    }
  }
  for (let i = 0; i < n; i++) {
    const here = <usize>i << 2;
    const top = load<f32>(tops + here), sum = load<f32>(sums + here);
    const logSum = log1(sum);
    // log Σ e^l = top + log s; H = log s - Σ e^(l - top)·(l - top) / s
    store<f32>(toLogSums + here, <f32>(<f64>top + logSum));
    store<f32>(toLogProbs + here, <f32>(<f64>(load<f32>(toLogProbs + here) - top) - logSum));
    store<f32>(toEntropy + here, <f32>(logSum - <f64>load<f32>(means + here) / <f64>sum));
  }
}

/** Scales a row in place; returns its largest value. */
function scaleRow(n: i32, x: usize, scale: f32): f32 {
  const scales = f32x4.splat(scale);
  const end = x + (<usize>n << 2);
  let lanes = f32x4.splat(-Infinity);
  for (; x + 16 <= end; x += 16) {
    const y = f32x4.mul(v128.load(x), scales);
    v128.store(x, y);
    lanes = f32x4.pmax(lanes, y);
  }
  let top = maxLanes(lanes);
  for (; x < end; x += 4) {
    const y = load<f32>(x) * scale;
    store<f32>(x, y);
    top = max(top, y);
  }
  return top;
}

// What addRow found: Σ e^(l - top) and Σ e^(l - top)·(l - top).
let blockSum: f32 = 0;
let blockMean: f32 = 0;

function addRow(n: i32, x: usize, top: f32): void {
  const tops = f32x4.splat(top);
  const end = x + (<usize>n << 2);
  let p = x;
  let sums = f32x4.splat(0), means = f32x4.splat(0);
  for (; p + 16 <= end; p += 16) {
    const below = f32x4.sub(v128.load(p), tops);
    const e = exp4(below);
    sums = f32x4.add(sums, e);
    // Where e is 0, so is its part of the mean, though below may be -Infinity.
    means = madd(e, v128.andnot(below, f32x4.eq(e, f32x4.splat(0))), means);
  }
  let sum = sumLanes(sums), mean = sumLanes(means);
  for (; p < end; p += 4) {
    const below = load<f32>(p) - top;
    const e = exp1(below);
    sum += e;
    if (e != 0) mean += e * below;
  }
  blockSum = sum;
  blockMean = mean;
}

/**
 * One block of the vocabulary, backwards: the gradient of its logits [n, block], and its part of dHidden (0 where not
 * wanted), added where `isContinued`. `weights` are the block's rows, `first` is its first token.
 */
export function logitGradient(
  n: i32, block: i32, width: i32, hidden: usize, weights: usize, targets: usize, first: i32, scale: f32,
  logSums: usize, dLogProbs: usize, dHidden: usize, isContinued: i32, logits: usize, scratch: usize,
): void {
  gemm(n, block, width, hidden, width, 1, weights, 1, width, logits, block, 0, scratch);
  for (let i = 0; i < n; i++) {
    const here = <usize>i << 2;
    const row = logits + ((<usize>i * block) << 2);
    const slope = load<f32>(dLogProbs + here) * scale;
    toLogitGradient(block, row, scale, load<f32>(logSums + here), -slope);
    const target = load<i32>(targets + here) - first;
    if (target >= 0 && target < block) {
      const at = row + (<usize>target << 2);
      store<f32>(at, load<f32>(at) + slope);
    }
  }
  if (dHidden != 0) gemm(n, width, block, logits, block, 1, weights, width, 1, dHidden, width, isContinued, scratch);
}

/** x ← e^(x·scale - logSum)·factor */
function toLogitGradient(n: i32, x: usize, scale: f32, logSum: f32, factor: f32): void {
  const scales = f32x4.splat(scale), logSums = f32x4.splat(logSum), factors = f32x4.splat(factor);
  const end = x + (<usize>n << 2);
  for (; x + 16 <= end; x += 16) {
    v128.store(x, f32x4.mul(exp4(f32x4.sub(f32x4.mul(v128.load(x), scales), logSums)), factors));
  }
  for (; x < end; x += 4) store<f32>(x, exp1(load<f32>(x) * scale - logSum) * factor);
}
