// What attention does to a block of scores [keys, 16], queries across the lanes: masking, softmax, and the slopes of its
// gradient. A query's sum has four parts, of the keys 0, 4, 8 .. and so on, counted from the row's first valid key, which are
// added in the order of `sumLanes`; so a single query with its keys across the lanes gets the same bits (attendSlot.ts).
// The number of keys is a multiple of four.
import { QUERIES } from './queryProducts';
import { ROW } from './sumTiles';
import { constants, exp4At, log4 } from './vector';

/** Bytes of the table that `maskBlock` reads. */
export const MASK_BYTES: usize = 192;

/** Sixteen times -∞, ∞ and -∞: a row's mask is a piece of it. */
export function fillMask(table: usize): void {
  for (let i: usize = 0; i < 48; i++) store<f32>(table + (i << 2), i >> 4 == 1 ? Infinity : -Infinity);
}

/** Sets scores to -∞ where a query does not see the key: query q sees the keys last + q - window + 1 .. last + q (window 0: 0 ..). */
export function maskBlock(keys: i32, last: i32, window: i32, table: usize, scores: usize): void {
  for (let j = max(0, last + 1); j < keys; j++) {
    maskRow(table + (<usize>(QUERIES - min(QUERIES, j - last)) << 2), scores + <usize>j * ROW);
  }
  if (window <= 0) return;
  const before = last - window;
  for (let j = 0; j < min(keys, before + QUERIES); j++) {
    maskRow(table + (<usize>(2 * QUERIES - max(0, j - before)) << 2), scores + <usize>j * ROW);
  }
}

// @ts-ignore: decorator
@inline
function maskRow(mask: usize, row: usize): void {
  for (let half: usize = 0; half < ROW; half += 32) {
    // With the mask first, pmin takes -∞ even where a score is no number.
    const y0 = f32x4.pmin(v128.load(mask + half), v128.load(row + half));
    const y1 = f32x4.pmin(v128.load(mask + half, 16), v128.load(row + half, 16));
    v128.store(row + half, y0); v128.store(row + half, y1, 16);
  }
}

/** Each query's largest score. */
export function topsOf(keys: i32, scores: usize, tops: usize): void {
  for (let half: usize = 0; half < ROW; half += 32) {
    let p = scores + half;
    const stop = p + <usize>keys * ROW;
    let a0 = v128.load(p), a1 = v128.load(p, 16), b0 = v128.load(p, 64), b1 = v128.load(p, 80);
    let c0 = v128.load(p, 128), c1 = v128.load(p, 144), d0 = v128.load(p, 192), d1 = v128.load(p, 208);
    for (p += 4 * ROW; p < stop; p += 4 * ROW) {
      a0 = f32x4.pmax(a0, v128.load(p)); a1 = f32x4.pmax(a1, v128.load(p, 16));
      b0 = f32x4.pmax(b0, v128.load(p, 64)); b1 = f32x4.pmax(b1, v128.load(p, 80));
      c0 = f32x4.pmax(c0, v128.load(p, 128)); c1 = f32x4.pmax(c1, v128.load(p, 144));
      d0 = f32x4.pmax(d0, v128.load(p, 192)); d1 = f32x4.pmax(d1, v128.load(p, 208));
    }
    const top0 = f32x4.pmax(f32x4.pmax(a0, b0), f32x4.pmax(c0, d0)), top1 = f32x4.pmax(f32x4.pmax(a1, b1), f32x4.pmax(c1, d1));
    v128.store(tops + half, top0); v128.store(tops + half, top1, 16);
  }
}

/** score ← e^(score - top); each query's sum. */
export function exponentials(keys: i32, scores: usize, tops: usize, zeros: usize, sums: usize): void {
  const c = constants;
  for (let half: usize = 0; half < ROW; half += 32) {
    const t0 = v128.load(tops + half), t1 = v128.load(tops + half, 16);
    let p = scores + half;
    const stop = p + <usize>keys * ROW;
    let a0 = v128.load(zeros), a1 = v128.load(zeros, 16), b0 = a0, b1 = a1, c0 = a0, c1 = a1, d0 = a0, d1 = a1;
    for (; p < stop; p += 4 * ROW) {
      const x0 = f32x4.sub(v128.load(p), t0), x1 = f32x4.sub(v128.load(p, 16), t1);
      const x2 = f32x4.sub(v128.load(p, 64), t0), x3 = f32x4.sub(v128.load(p, 80), t1);
      const x4 = f32x4.sub(v128.load(p, 128), t0), x5 = f32x4.sub(v128.load(p, 144), t1);
      const x6 = f32x4.sub(v128.load(p, 192), t0), x7 = f32x4.sub(v128.load(p, 208), t1);
      const y0 = exp4At(x0, c), y1 = exp4At(x1, c + 16), y2 = exp4At(x2, c), y3 = exp4At(x3, c + 16);
      const y4 = exp4At(x4, c), y5 = exp4At(x5, c + 16), y6 = exp4At(x6, c), y7 = exp4At(x7, c + 16);
      v128.store(p, y0); v128.store(p, y1, 16); v128.store(p, y2, 64); v128.store(p, y3, 80);
      v128.store(p, y4, 128); v128.store(p, y5, 144); v128.store(p, y6, 192); v128.store(p, y7, 208);
      a0 = f32x4.add(a0, y0); a1 = f32x4.add(a1, y1); b0 = f32x4.add(b0, y2); b1 = f32x4.add(b1, y3);
      c0 = f32x4.add(c0, y4); c1 = f32x4.add(c1, y5); d0 = f32x4.add(d0, y6); d1 = f32x4.add(d1, y7);
    }
    const sum0 = f32x4.add(f32x4.add(a0, c0), f32x4.add(b0, d0)), sum1 = f32x4.add(f32x4.add(a1, c1), f32x4.add(b1, d1));
    v128.store(sums + half, sum0); v128.store(sums + half, sum1, 16);
  }
}

/** tops ← top + ln sum; sums ← 1 / sum */
export function settleSums(tops: usize, sums: usize): void {
  for (let p: usize = 0; p < ROW; p += 16) {
    const sum = v128.load(sums + p);
    v128.store(tops + p, f32x4.add(v128.load(tops + p), log4(sum)));
    v128.store(sums + p, f32x4.div(f32x4.splat(1), sum));
  }
}

/** score ← weight = e^(score - logSum); slope ← weight·(slope - delta) */
export function weightSlopes(keys: i32, scores: usize, slopes: usize, logSums: usize, deltas: usize): void {
  const c = constants;
  for (let half: usize = 0; half < ROW; half += 32) {
    const l0 = v128.load(logSums + half), l1 = v128.load(logSums + half, 16);
    const d0 = v128.load(deltas + half), d1 = v128.load(deltas + half, 16);
    let p = scores + half, s = slopes + half;
    const stop = p + <usize>keys * ROW;
    for (; p < stop; p += ROW) {
      const y0 = exp4At(f32x4.sub(v128.load(p), l0), c), y1 = exp4At(f32x4.sub(v128.load(p, 16), l1), c + 16);
      const z0 = f32x4.mul(y0, f32x4.sub(v128.load(s), d0)), z1 = f32x4.mul(y1, f32x4.sub(v128.load(s, 16), d1));
      v128.store(p, y0); v128.store(p, y1, 16);
      v128.store(s, z0); v128.store(s, z1, 16);
      s += ROW;
    }
  }
}

/** slope ← (slope - delta)·(1 - (s / cap)²), with s the capped scores */
export function capSlopes(keys: i32, s: usize, cap: f32, slopes: usize, deltas: usize): void {
  const inverses = f32x4.splat(1 / cap), one = f32x4.splat(1);
  const stop = <usize>keys * ROW;
  for (let p: usize = 0; p < stop; p += 16) {
    const share = f32x4.mul(v128.load(s + p), inverses);
    const rise = f32x4.sub(one, f32x4.mul(share, share));
    v128.store(slopes + p, f32x4.mul(f32x4.sub(v128.load(slopes + p), v128.load(deltas + (p & 63))), rise));
  }
}
