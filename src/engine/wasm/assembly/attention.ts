// Causal grouped-query attention over each row's own key range, through gemm on tiles of queries. Nothing larger than one
// tile's scores is held; the backward pass recomputes the weights from the saved log-sum-exp.
// Key positions count from the row's first valid key, so padding on the left leaves every bit of a result as it is.
// A window (0: none) bounds how many keys a query sees; a cap (0: none) bounds scaled scores s as cap·tanh(s / cap).
import { capRow, capSlopes } from './cap';
import { GEMM_SCRATCH, gemm } from './gemm';
import { rowDot, rowExp, rowMax, rowScale } from './rows';
import { clearShort } from './short';
import { log1 } from './vector';

/** Queries in one tile. */
const TILE: i32 = 64;

/** Bytes of scratch for `keys` keys: gemm's own, two tiles of scores, and one value a query. */
export function attentionScratch(keys: i32): i32 {
  return GEMM_SCRATCH + TILE * keys * 8 + TILE * 4;
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
  const scores = scratch + GEMM_SCRATCH;
  const group = heads / kvHeads;
  const qRow = heads * dim, kRow = kvHeads * dim;
  const factor: f32 = cap > 0 ? 1 : scale;
  for (let i = first; i < last; i++) {
    const b = i / heads, h = i % heads;
    const start = max(0, load<i32>(keyStart + (b << 2)));
    const kv = h / group;
    for (let t = 0; t < time; t += TILE) {
      const rows = min(TILE, time - t);
      const at = (<usize>((<i64>b * time + t) * qRow + h * dim)) << 2;
      const sums = logSums + ((<usize>(<i64>i * time + t)) << 2);
      // Without a window, the last query of the tile sees `width` keys, query r of it width - (rows - 1 - r).
      const skipped = beforeWindow(keys - time + t + 1 - start, window);
      const width = keys - time + t + rows - start - skipped;
      const firstKey = (<usize>((<i64>b * keys + start + skipped) * kRow + kv * dim)) << 2;
      if (width <= 0) {
        for (let r = 0; r < rows; r++) {
          clearShort(out + at + ((<usize>r * qRow) << 2), <usize>dim << 2);
          store<f32>(sums + (r << 2), 0);
        }
        continue;
      }
      gemm(rows, width, dim, query + at, qRow, 1, key + firstKey, 1, kRow, scores, width, 0, scratch);
      for (let r = 0; r < rows; r++) {
        const row = scores + ((<usize>r * width) << 2);
        const seen = max(0, width - (rows - 1 - r));
        const from = beforeWindow(seen, window);
        const near = row + (<usize>from << 2);
        let logSum: f32 = 0;
        if (seen > 0) {
          if (cap > 0) capRow(seen - from, near, scale, cap);
          const top = rowMaxScaled(seen - from, near, factor);
          const sum = rowExp(seen - from, near, factor, top, near);
          rowScale(seen - from, near, 1 / sum);
          logSum = <f32>(<f64>top + log1(sum));
        }
        store<f32>(sums + (r << 2), logSum);
        clearShort(row, <usize>from << 2);
        clearShort(row + (<usize>seen << 2), <usize>(width - seen) << 2);
      }
      gemm(rows, dim, width, scores, width, 1, value + firstKey, kRow, 1, out + at, qRow, 0, scratch);
    }
  }
}

/** How many of the first `seen` keys lie before the window. */
// @ts-ignore: decorator
@inline
function beforeWindow(seen: i32, window: i32): i32 {
  return window > 0 ? max(0, seen - window) : 0;
}

/** The largest of x·scale: of the largest x, or the smallest where the scale is negative. */
function rowMaxScaled(n: i32, x: usize, scale: f32): f32 {
  if (scale >= 0) return rowMax(n, x) * scale;
  let least: f32 = Infinity;
  for (let i = 0; i < n; i++) least = min(least, load<f32>(x + (<usize>i << 2)));
  return least * scale;
}

/** Bytes of scratch of slotAttention: the scores of one query. gemm needs none for a single row. */
export function slotAttentionScratch(capacity: i32): i32 {
  return capacity << 2;
}

/**
 * One query a row against the slot of a cache, for the key heads first .. last - 1 out of rows·kvHeads with all their query
 * heads: the same chains of operations as `attention` has for a row's last query. Row r sees the last `window` of the first
 * lengths[r] positions.
 * Layouts: query [rows, heads, dim], a row `queryRow` and a head `headStep` values apart; key and value
 * [slots, kvHeads, capacity, dim]; out [rows, heads, dim].
 */
export function slotAttention(
  first: i32, last: i32, heads: i32, kvHeads: i32, dim: i32, capacity: i32,
  query: usize, queryRow: i32, headStep: i32, key: usize, value: usize, slots: usize, lengths: usize,
  scale: f32, window: i32, cap: f32, out: usize, scores: usize,
): void {
  const group = heads / kvHeads;
  const factor: f32 = cap > 0 ? 1 : scale;
  for (let i = first; i < last; i++) {
    const r = i / kvHeads, kv = i % kvHeads;
    const length = load<i32>(lengths + (r << 2));
    const skipped = beforeWindow(length, window);
    const seen = length - skipped;
    const at = (<usize>(((<i64>load<i32>(slots + (r << 2)) * kvHeads + kv) * capacity + skipped) * dim)) << 2;
    for (let h = kv * group; h < (kv + 1) * group; h++) {
      const q = query + ((<usize>r * queryRow + h * headStep) << 2);
      gemm(1, seen, dim, q, dim, 1, key + at, 1, dim, scores, seen, 0, 0);
      if (cap > 0) capRow(seen, scores, scale, cap);
      const top = rowMaxScaled(seen, scores, factor);
      const sum = rowExp(seen, scores, factor, top, scores);
      rowScale(seen, scores, 1 / sum);
      const to = out + ((<usize>(r * heads + h) * dim) << 2);
      gemm(1, dim, seen, scores, seen, 1, value + at, dim, 1, to, dim, 0, 0);
    }
  }
}

/**
 * dQuery, dKey and dValue from dOut, for the key heads first .. last - 1 out of batch·kvHeads with all their query heads;
 * dKey and dValue are set to zero first and gathered over the heads of a group.
 */
export function attentionGradient(
  first: i32, last: i32, time: i32, keys: i32, heads: i32, kvHeads: i32, dim: i32,
  query: usize, key: usize, value: usize, keyStart: usize, scale: f32, window: i32, cap: f32,
  out: usize, logSums: usize, dOut: usize, dQuery: usize, dKey: usize, dValue: usize, scratch: usize,
): void {
  const weights = scratch + GEMM_SCRATCH;
  const slopes = weights + ((<usize>TILE * keys) << 2);
  const group = heads / kvHeads;
  const qRow = heads * dim, kRow = kvHeads * dim;
  const factor: f32 = cap > 0 ? 1 : scale;
  for (let i = first; i < last; i++) {
    const b = i / kvHeads, kv = i % kvHeads;
    const start = max(0, load<i32>(keyStart + (b << 2)));
    for (let j = 0; j < keys; j++) {
      const place = (<usize>((<i64>b * keys + j) * kRow + kv * dim)) << 2;
      clearShort(dKey + place, <usize>dim << 2);
      clearShort(dValue + place, <usize>dim << 2);
    }
    for (let h = kv * group; h < (kv + 1) * group; h++) {
      for (let t = 0; t < time; t += TILE) {
        const rows = min(TILE, time - t);
        const at = (<usize>((<i64>b * time + t) * qRow + h * dim)) << 2;
        const sums = logSums + ((<usize>((<i64>b * heads + h) * time + t)) << 2);
        const skipped = beforeWindow(keys - time + t + 1 - start, window);
        const width = keys - time + t + rows - start - skipped;
        const firstKey = (<usize>((<i64>b * keys + start + skipped) * kRow + kv * dim)) << 2;
        if (width <= 0) {
          for (let r = 0; r < rows; r++) clearShort(dQuery + at + ((<usize>r * qRow) << 2), <usize>dim << 2);
          continue;
        }
        gemm(rows, width, dim, query + at, qRow, 1, key + firstKey, 1, kRow, weights, width, 0, scratch);
        gemm(rows, width, dim, dOut + at, qRow, 1, value + firstKey, 1, kRow, slopes, width, 0, scratch);
        for (let r = 0; r < rows; r++) {
          const row = weights + ((<usize>r * width) << 2);
          const slope = slopes + ((<usize>r * width) << 2);
          const seen = max(0, width - (rows - 1 - r));
          const rowAt = at + ((<usize>r * qRow) << 2);
          const from = beforeWindow(seen, window);
          const near = row + (<usize>from << 2), nearSlope = slope + (<usize>from << 2);
          // dS = P·(dP - Σ dO·O)·scale, and times 1 - (s/cap)² where scores s are capped.
          let delta = rowDot(dim, dOut + rowAt, out + rowAt);
          if (cap > 0) {
            capRow(seen - from, near, scale, cap);
            capSlopes(seen - from, near, cap, nearSlope, delta);
            delta = 0;
          }
          rowExp(seen - from, near, factor, load<f32>(sums + (r << 2)), near);
          toScoreGradient(seen - from, near, nearSlope, delta, scale);
          clearShort(row, <usize>from << 2);
          clearShort(slope, <usize>from << 2);
          clearShort(row + (<usize>seen << 2), <usize>(width - seen) << 2);
          clearShort(slope + (<usize>seen << 2), <usize>(width - seen) << 2);
        }
        gemm(rows, dim, width, slopes, width, 1, key + firstKey, kRow, 1, dQuery + at, qRow, 0, scratch);
        gemm(width, dim, rows, slopes, 1, width, query + at, qRow, 1, dKey + firstKey, kRow, 1, scratch);
        gemm(width, dim, rows, weights, 1, width, dOut + at, qRow, 1, dValue + firstKey, kRow, 1, scratch);
      }
    }
  }
}

/** slope ← weight·(slope - delta)·scale */
function toScoreGradient(n: i32, weight: usize, slope: usize, delta: f32, scale: f32): void {
  const deltas = f32x4.splat(delta), scales = f32x4.splat(scale);
  const whole = <usize>(n & ~3) << 2;
  const bytes = <usize>n << 2;
  const pairs = <usize>(n & ~7) << 2;
  let p: usize = 0;
  // Two vectors at a time, loads before stores, for runtimes that join them.
  for (; p < pairs; p += 32) {
    const s0 = f32x4.sub(v128.load(slope + p), deltas), s1 = f32x4.sub(v128.load(slope + p, 16), deltas);
    const w0 = v128.load(weight + p), w1 = v128.load(weight + p, 16);
    const y0 = f32x4.mul(f32x4.mul(w0, s0), scales), y1 = f32x4.mul(f32x4.mul(w1, s1), scales);
    v128.store(slope + p, y0); v128.store(slope + p, y1, 16);
  }
  if (p < whole) {
    const centred = f32x4.sub(v128.load(slope + p), deltas);
    v128.store(slope + p, f32x4.mul(f32x4.mul(v128.load(weight + p), centred), scales));
    p += 16;
  }
  for (; p < bytes; p += 4) {
    store<f32>(slope + p, load<f32>(weight + p) * (load<f32>(slope + p) - delta) * scale);
  }
}
