// Log-probabilities of chosen tokens and entropies straight from hidden states, in blocks over the vocabulary:
// only [n, BLOCK] logits exist at a time, with a running maximum and sum (Milakov and Gimelshein 2018, algorithm 3); where
// the gradient is foreseen, all logits of a few positions at a time.
import { GEMM_SCRATCH, gemm } from './gemm';
import { constants, exp1, exp4, exp4At, log1, madd, maxLanes, sumLanes } from './vector';

const BLOCK: i32 = 512;
/** Bytes of a row's running maximum, sum and mean. */
export const FOLD_STATE: i32 = 12;

/** Bytes of scratch for n positions: gemm's own, one block of logits, and three running values a position. */
export function logProbsScratch(n: i32): i32 {
  return GEMM_SCRATCH + n * BLOCK * 4 + n * FOLD_STATE;
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
  const states = logits + ((<usize>n * BLOCK) << 2);
  for (let v0 = 0; v0 < vocab; v0 += BLOCK) {
    const block = min(BLOCK, vocab - v0);
    gemm(n, block, width, hidden, width, 1, weight + ((<usize>v0 * width) << 2), 1, width, logits, block, 0, scratch);
    for (let i = 0; i < n; i++) {
      const row = logits + ((<usize>i * block) << 2);
      const here = <usize>i << 2;
      foldBlock(block, row, scale, v0 == 0, states + <usize>i * FOLD_STATE);
      const target = load<i32>(targets + here) - v0;
      if (target >= 0 && target < block) store<f32>(toLogProbs + here, load<f32>(row + (<usize>target << 2)));
    }
  }
  for (let i = 0; i < n; i++) {
    const here = <usize>i << 2;
    endFold(states + <usize>i * FOLD_STATE, load<f32>(toLogProbs + here), toLogProbs + here, toEntropy + here, toLogSums + here);
  }
}

/**
 * The same, and the gradients that `slope` (of the loss with respect to each logProb, one for all) gives: of the logits, whose
 * rows of `vocab` lie `step` values apart, and of hidden (0 where not wanted). The logits are computed only once.
 */
export function logProbsWithGradient(
  n: i32, vocab: i32, width: i32, hidden: usize, weight: usize, targets: usize, scale: f32, slope: f32,
  toLogProbs: usize, toEntropy: usize, toLogSums: usize, dHidden: usize, logits: usize, step: i32, scratch: usize,
): void {
  const states = scratch + GEMM_SCRATCH;
  for (let v0 = 0; v0 < vocab; v0 += BLOCK) {
    const block = min(BLOCK, vocab - v0);
    const place = logits + (<usize>v0 << 2);
    gemm(n, block, width, hidden, width, 1, weight + ((<usize>v0 * width) << 2), 1, width, place, step, 0, scratch);
    for (let i = 0; i < n; i++) {
      foldBlock(block, place + ((<usize>i * step) << 2), scale, v0 == 0, states + <usize>i * FOLD_STATE);
    }
  }
  const scaled = slope * scale;
  for (let i = 0; i < n; i++) {
    const here = <usize>i << 2;
    const row = logits + ((<usize>i * step) << 2);
    const at = row + (<usize>load<i32>(targets + here) << 2);
    endFold(states + <usize>i * FOLD_STATE, load<f32>(at), toLogProbs + here, toEntropy + here, toLogSums + here);
    // The logits are scaled already.
    toLogitGradient(vocab, row, 1, load<f32>(toLogSums + here), -scaled);
    store<f32>(at, load<f32>(at) + scaled);
  }
  if (dHidden != 0) gemm(n, width, vocab, logits, step, 1, weight, width, 1, dHidden, width, 0, scratch);
}

/** As the loop above, over a row of logits that are all there, which it scales in place. `state` takes FOLD_STATE bytes. */
export function rowLogProb(
  vocab: i32, logits: usize, target: i32, scale: f32, toLogProb: usize, toEntropy: usize, state: usize,
): void {
  for (let v0 = 0; v0 < vocab; v0 += BLOCK) {
    foldBlock(min(BLOCK, vocab - v0), logits + (<usize>v0 << 2), scale, v0 == 0, state);
  }
  endFold(state, load<f32>(logits + (<usize>target << 2)), toLogProb, toEntropy, state);
}

/** Scales a block of logits in place and takes it into the running values at `state`. */
function foldBlock(block: i32, row: usize, scale: f32, isFirst: bool, state: usize): void {
  const blockTop = scaleRow(block, row, scale);
  let top = blockTop;
  let sum: f32 = 0, mean: f32 = 0;
  if (!isFirst) {
    const before = load<f32>(state);
    top = max(before, blockTop);
    const shrink = exp1(before - top);
    const oldSum = load<f32>(state, 4);
    mean = (load<f32>(state, 8) + oldSum * (before - top)) * shrink;
    sum = oldSum * shrink;
  }
  addRow(block, row, top);
  store<f32>(state, top);
  store<f32>(state, sum + blockSum, 4);
  store<f32>(state, mean + blockMean, 8);
}

/** log Σ e^l = top + log s; H = log s - Σ e^(l - top)·(l - top) / s */
function endFold(state: usize, targetLogit: f32, toLogProb: usize, toEntropy: usize, toLogSum: usize): void {
  const top = load<f32>(state), sum = load<f32>(state, 4), mean = load<f32>(state, 8);
  const logSum = log1(sum);
  store<f32>(toLogSum, <f32>(<f64>top + logSum));
  store<f32>(toLogProb, <f32>(<f64>(targetLogit - top) - logSum));
  store<f32>(toEntropy, <f32>(logSum - <f64>mean / <f64>sum));
}

/** Scales a row in place; returns its largest value. */
function scaleRow(n: i32, x: usize, scale: f32): f32 {
  const scales = f32x4.splat(scale);
  const end = x + (<usize>n << 2);
  let lanes = f32x4.splat(-Infinity);
  for (; x + 32 <= end; x += 32) {
    const y0 = f32x4.mul(v128.load(x), scales), y1 = f32x4.mul(v128.load(x, 16), scales);
    v128.store(x, y0); v128.store(x, y1, 16);
    lanes = f32x4.pmax(f32x4.pmax(lanes, y0), y1);
  }
  if (x + 16 <= end) {
    const y = f32x4.mul(v128.load(x), scales);
    v128.store(x, y);
    lanes = f32x4.pmax(lanes, y);
    x += 16;
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
  const c = constants;
  const scales = f32x4.splat(scale), logSums = f32x4.splat(logSum), factors = f32x4.splat(factor);
  const end = x + (<usize>n << 2);
  // Two vectors at a time, loads before stores, for runtimes that join them.
  for (; x + 32 <= end; x += 32) {
    const x0 = v128.load(x), x1 = v128.load(x, 16);
    const y0 = f32x4.mul(exp4At(f32x4.sub(f32x4.mul(x0, scales), logSums), c), factors);
    const y1 = f32x4.mul(exp4At(f32x4.sub(f32x4.mul(x1, scales), logSums), c + 16), factors);
    v128.store(x, y0); v128.store(x, y1, 16);
  }
  if (x + 16 <= end) {
    v128.store(x, f32x4.mul(exp4(f32x4.sub(f32x4.mul(v128.load(x), scales), logSums)), factors));
    x += 16;
  }
  for (; x < end; x += 4) store<f32>(x, exp1(load<f32>(x) * scale - logSum) * factor);
}
