// Causal grouped-query attention over each row's own key range, 16 queries at a time, whose scores lie key by key with the
// queries across the lanes: softmax then needs no sums across lanes, and a block stays in the first-level cache. Nothing larger
// than one block's scores is held; the backward pass recomputes the weights from the saved log-sum-exp.
// Key positions count from the row's first valid key, so padding on the left leaves every bit of a result as it is.
// A window (0: none) bounds how many keys a query sees; a cap (0: none) bounds scaled scores s as cap·tanh(s / cap).
import { capRow } from './cap';
import { packPanel } from './pack';
import { addOverQueries, QUERIES, scoreKeys, SPARE_ROWS, sumOverKeys } from './queryProducts';
import { rowDot, rowScale } from './rows';
import { capSlopes, exponentials, fillMask, MASK_BYTES, maskBlock, settleSums, topsOf, weightSlopes } from './scoreBlock';
import { clearShort, copyShort } from './short';
import { ROW } from './sumTiles';

/** Bytes of the mask, zeros, and two values a query. */
const HEAD: usize = MASK_BYTES + 3 * ROW;

/** Bytes of a row of `dim` values, in whole eights. */
// @ts-ignore: decorator
@inline
function paddedRow(dim: i32): usize {
  return (<usize>((dim + 7) & ~7)) << 2;
}

/** Bytes of scratch: four matrices of a head, two blocks of scores, five of queries, and what is small. */
export function attentionScratch(keys: i32, dim: i32): i32 {
  const rows = <usize>(keys + SPARE_ROWS);
  return <i32>(ROW + HEAD + 4 * rows * paddedRow(dim) + 2 * (rows + 4) * ROW + <usize>(5 * QUERIES) * paddedRow(dim));
}

/**
 * The heads first .. last - 1 out of batch·heads, each on its own.
 * Layouts: query and out [batch, time, heads, dim]; key and value [batch, keys, kvHeads, dim]; logSums [batch, heads, time].
 */
export function attention(
  first: i32, last: i32, time: i32, keys: i32, heads: i32, kvHeads: i32, dim: i32,
  query: usize, key: usize, value: usize, keyStart: usize, scale: f32, window: i32, cap: f32,
  out: usize, logSums: usize, scratch: usize,
): void {
  const step = paddedRow(dim), spread = <usize>(keys + SPARE_ROWS);
  const mask = (scratch + 63) & ~63, zeros = mask + MASK_BYTES, tops = zeros + ROW, sums = tops + ROW;
  const scores = sums + ROW, turned = scores + (spread + 4) * ROW, mixed = turned + <usize>QUERIES * step;
  const ownKeys = mixed + <usize>QUERIES * step, ownValues = ownKeys + spread * step;
  fillMask(mask);
  clearShort(zeros, ROW);
  const group = heads / kvHeads;
  const qRow = heads * dim, kRow = kvHeads * dim;
  for (let i = first; i < last; i++) {
    const b = i / heads, h = i % heads;
    const start = max(0, load<i32>(keyStart + (b << 2)));
    if (i == first || h % group == 0) {
      const at = (<usize>((<i64>b * keys + start) * kRow + h / group * dim)) << 2;
      gather(keys - start, dim, key + at, kRow, ownKeys, step);
      gather(keys - start, dim, value + at, kRow, ownValues, step);
    }
    for (let t = 0; t < time; t += QUERIES) {
      const rows = min(QUERIES, time - t);
      const at = (<usize>((<i64>b * time + t) * qRow + h * dim)) << 2;
      const logs = logSums + ((<usize>(<i64>i * time + t)) << 2);
      // The first query of the block sees the keys up to `seen` - 1.
      const seen = keys - time + t + 1 - start;
      const skipped = beforeWindow(seen, window) & ~3;
      const width = seen + rows - 1 - skipped;
      if (width <= 0) {
        for (let r = 0; r < rows; r++) clearShort(out + at + ((<usize>r * qRow) << 2), <usize>dim << 2);
        clearShort(logs, <usize>rows << 2);
        continue;
      }
      const whole = (width + 3) & ~3;
      turn(rows, dim, query + at, qRow, scale, turned);
      scoreKeys(whole, dim, ownKeys + <usize>skipped * step, step, turned, zeros, scores);
      if (cap > 0) capRow(whole * QUERIES, scores, 1, cap);
      maskBlock(whole, seen - 1 - skipped, window, mask, scores);
      topsOf(whole, scores, tops);
      // Queries that see no key, at the start of the block.
      const blind = min(rows, max(0, -seen + 1));
      clearShort(tops, <usize>blind << 2);
      exponentials(whole, scores, tops, zeros, sums);
      settleSums(tops, sums);
      clearShort(tops, <usize>blind << 2);
      clearShort(sums, <usize>blind << 2);
      copyShort(logs, tops, <usize>rows << 2);
      sumOverKeys(whole, scores, ownValues + <usize>skipped * step, step, zeros, mixed);
      for (let r = 0; r < rows; r++) {
        const to = out + at + ((<usize>r * qRow) << 2);
        scaleTo(dim, mixed + <usize>r * step, load<f32>(sums + (<usize>r << 2)), to);
      }
    }
  }
}

/** How many of the first `seen` keys lie before the window. */
// @ts-ignore: decorator
@inline
export function beforeWindow(seen: i32, window: i32): i32 {
  return window > 0 ? max(0, seen - window) : 0;
}

/** Rows of `dim` values side by side, filled up with zeros to `step` bytes, and SPARE_ROWS of zeros behind them. */
function gather(rows: i32, dim: i32, from: usize, fromRow: i32, to: usize, step: usize): void {
  rows = max(0, rows);
  gatherRows(rows, dim, from, fromRow, to, step);
  clearShort(to + <usize>rows * step, <usize>SPARE_ROWS * step);
}

function gatherRows(rows: i32, dim: i32, from: usize, fromRow: i32, to: usize, step: usize): void {
  const bytes = <usize>dim << 2;
  for (let r = 0; r < rows; r++) {
    copyShort(to, from, bytes);
    if (bytes < step) clearShort(to + bytes, step - bytes);
    from += <usize>fromRow << 2;
    to += step;
  }
}

/** A block of queries turned to [dim, 16], times `scale`; queries that are not there hold anything. */
function turn(rows: i32, dim: i32, from: usize, fromRow: i32, scale: f32, to: usize): void {
  packPanel(dim, QUERIES, rows, from, 1, fromRow, to);
  if (scale != 1) rowScale(dim * QUERIES, to, scale);
}

/** to = x·factor */
function scaleTo(n: i32, x: usize, factor: f32, to: usize): void {
  const factors = f32x4.splat(factor);
  const end = to + (<usize>n << 2);
  for (; to + 32 <= end; to += 32) {
    const y0 = f32x4.mul(v128.load(x), factors), y1 = f32x4.mul(v128.load(x, 16), factors);
    v128.store(to, y0); v128.store(to, y1, 16);
    x += 32;
  }
  for (; to < end; to += 4) {
    store<f32>(to, load<f32>(x) * factor);
    x += 4;
  }
}

/**
 * dQuery, dKey and dValue from dOut, for the key heads first .. last - 1 out of batch·kvHeads with all their query heads;
 * dKey and dValue are gathered over the heads of a group.
 */
export function attentionGradient(
  first: i32, last: i32, time: i32, keys: i32, heads: i32, kvHeads: i32, dim: i32,
  query: usize, key: usize, value: usize, keyStart: usize, scale: f32, window: i32, cap: f32,
  out: usize, logSums: usize, dOut: usize, dQuery: usize, dKey: usize, dValue: usize, scratch: usize,
): void {
  const step = paddedRow(dim), spread = <usize>(keys + SPARE_ROWS);
  const mask = (scratch + 63) & ~63, zeros = mask + MASK_BYTES, logs = zeros + ROW, deltas = logs + ROW;
  const weights = deltas + ROW, slopes = weights + (spread + 4) * ROW, turned = slopes + (spread + 4) * ROW;
  const turnedSlopes = turned + <usize>QUERIES * step, queries = turnedSlopes + <usize>QUERIES * step;
  const dOuts = queries + <usize>QUERIES * step, mixed = dOuts + <usize>QUERIES * step;
  const ownKeys = mixed + <usize>QUERIES * step, ownValues = ownKeys + spread * step;
  const dKeys = ownValues + spread * step, dValues = dKeys + spread * step;
  fillMask(mask);
  clearShort(zeros, ROW);
  const group = heads / kvHeads;
  const qRow = heads * dim, kRow = kvHeads * dim;
  for (let i = first; i < last; i++) {
    const b = i / kvHeads, kv = i % kvHeads;
    const start = min(keys, max(0, load<i32>(keyStart + (b << 2))));
    const from = (<usize>((<i64>b * keys + start) * kRow + kv * dim)) << 2;
    gather(keys - start, dim, key + from, kRow, ownKeys, step);
    gather(keys - start, dim, value + from, kRow, ownValues, step);
    memory.fill(dKeys, 0, 2 * spread * step);
    for (let h = kv * group; h < (kv + 1) * group; h++) {
      for (let t = 0; t < time; t += QUERIES) {
        const rows = min(QUERIES, time - t);
        const at = (<usize>((<i64>b * time + t) * qRow + h * dim)) << 2;
        const seen = keys - time + t + 1 - start;
        const skipped = beforeWindow(seen, window) & ~3;
        const width = seen + rows - 1 - skipped;
        if (width <= 0) {
          for (let r = 0; r < rows; r++) clearShort(dQuery + at + ((<usize>r * qRow) << 2), <usize>dim << 2);
          continue;
        }
        const whole = (width + 3) & ~3;
        const near = <usize>skipped * step;
        turn(rows, dim, query + at, qRow, scale, turned);
        turn(rows, dim, dOut + at, qRow, 1, turnedSlopes);
        gatherRows(rows, dim, query + at, qRow, queries, step);
        rowScale(<i32>((<usize>rows * step) >> 2), queries, scale);
        gatherRows(rows, dim, dOut + at, qRow, dOuts, step);
        copyShort(logs, logSums + ((<usize>((<i64>b * heads + h) * time + t)) << 2), <usize>rows << 2);
        for (let r = 0; r < rows; r++) {
          const rowAt = at + ((<usize>r * qRow) << 2);
          store<f32>(deltas + (<usize>r << 2), rowDot(dim, dOut + rowAt, out + rowAt));
        }
        scoreKeys(whole, dim, ownKeys + near, step, turned, zeros, weights);
        scoreKeys(whole, dim, ownValues + near, step, turnedSlopes, zeros, slopes);
        // dS = P·(dP - Σ dO·O), and times 1 - (s/cap)² where scores s are capped.
        if (cap > 0) {
          capRow(whole * QUERIES, weights, 1, cap);
          capSlopes(whole, weights, cap, slopes, deltas);
          clearShort(deltas, ROW);
        }
        maskBlock(whole, seen - 1 - skipped, window, mask, weights);
        weightSlopes(whole, weights, slopes, logs, deltas);
        clearShort(weights + <usize>whole * ROW, <usize>SPARE_ROWS * ROW);
        clearShort(slopes + <usize>whole * ROW, <usize>SPARE_ROWS * ROW);
        sumOverKeys(whole, slopes, ownKeys + near, step, zeros, mixed);
        for (let r = 0; r < rows; r++) scaleTo(dim, mixed + <usize>r * step, scale, dQuery + at + ((<usize>r * qRow) << 2));
        addOverQueries(whole, rows, slopes, queries, step, dKeys + near);
        addOverQueries(whole, rows, weights, dOuts, step, dValues + near);
      }
    }
    for (let j = 0; j < keys; j++) {
      const to = (<usize>((<i64>b * keys + j) * kRow + kv * dim)) << 2;
      if (j < start) {
        clearShort(dKey + to, <usize>dim << 2);
        clearShort(dValue + to, <usize>dim << 2);
      } else {
        copyShort(dKey + to, dKeys + <usize>(j - start) * step, <usize>dim << 2);
        copyShort(dValue + to, dValues + <usize>(j - start) * step, <usize>dim << 2);
      }
    }
  }
}
