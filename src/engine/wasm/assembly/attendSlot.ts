// Attention of a decode step: one query against a slot of the cache whose keys lie in blocks of 16 positions, dimension by
// dimension, so that a vector holds one dimension of four keys and nothing need be turned. Each score is one chain of
// multiply-adds along the dimensions, each output one along the keys, both ascending: the same bits as `attention`.
import { rowMax, rowScale } from './rows';
import { constants, exp4, exp4At, madd, sumLanes } from './vector';

/** Positions in a block of keys. */
export const KEY_BLOCK: i32 = 16;

/** Positions of a slot, in whole blocks. */
// @ts-ignore: decorator
@inline
export function paddedPositions(capacity: i32): i32 {
  return (capacity + KEY_BLOCK - 1) & -KEY_BLOCK;
}

/** Bytes of scratch: the scores of one query, in whole pairs of blocks. */
export function attendSlotScratch(capacity: i32): i32 {
  return (paddedPositions(capacity) + KEY_BLOCK) << 2;
}

/** Puts a key [dim] at its position of a slot's blocks. */
export function storeKey(dim: i32, key: usize, blocks: usize, position: i32): void {
  let to = blocks + ((<usize>((position >> 4) * dim * KEY_BLOCK + (position & 15))) << 2);
  const end = key + (<usize>dim << 2);
  for (; key < end; key += 4) {
    store<f32>(to, load<f32>(key));
    to += KEY_BLOCK << 2;
  }
}

/**
 * softmax(scale·q·Kᵀ)·V over the first `seen` positions.
 * @param keys blocks of 16 positions, each [dim, 16]; values [positions, dim]
 */
export function attendSlot(seen: i32, dim: i32, query: usize, keys: usize, values: usize, scale: f32, out: usize, scores: usize): void {
  const block = (<usize>dim * KEY_BLOCK) << 2;
  let at = scores;
  let left = seen;
  for (; left > KEY_BLOCK; left -= 2 * KEY_BLOCK) {
    scoreTwo(dim, query, scale, keys, keys + block, at);
    keys += block << 1;
    at += KEY_BLOCK << 3;
  }
  if (left > 0) scoreOne(dim, query, scale, keys, at);
  const sum = weighRow(0, seen, scores);
  let d = 0;
  for (; d + 32 <= dim; d += 32) mix32(seen, scores, values + (<usize>d << 2), <usize>dim << 2, out + (<usize>d << 2));
  for (; d + 4 <= dim; d += 4) mix4(seen, scores, values + (<usize>d << 2), <usize>dim << 2, out + (<usize>d << 2));
  for (; d < dim; d++) mix1(seen, scores, values + (<usize>d << 2), <usize>dim << 2, out + (<usize>d << 2));
  rowScale(dim, out, 1 / sum);
}

/**
 * score ← e^(score - the largest) for the keys from .. seen - 1, 0 for those beside them up to whole vectors; the sum, lane by
 * lane. `from` is below four.
 */
export function weighRow(from: i32, seen: i32, scores: usize): f32 {
  for (let i = 0; i < from; i++) store<f32>(scores + (<usize>i << 2), -Infinity);
  const top = rowMax(seen - from, scores + (<usize>from << 2));
  const tops = f32x4.splat(top);
  const c = constants;
  const whole = scores + (<usize>(seen & ~3) << 2);
  let lanes = f32x4.splat(0);
  let p = scores;
  // Two vectors at a time, loads before stores, for runtimes that join them.
  for (; p + 32 <= whole; p += 32) {
    const x0 = v128.load(p), x1 = v128.load(p, 16);
    const y0 = exp4At(f32x4.sub(x0, tops), c), y1 = exp4At(f32x4.sub(x1, tops), c + 16);
    v128.store(p, y0); v128.store(p, y1, 16);
    lanes = f32x4.add(f32x4.add(lanes, y0), y1);
  }
  if (p < whole) {
    const y = exp4(f32x4.sub(v128.load(p), tops));
    v128.store(p, y);
    lanes = f32x4.add(lanes, y);
    p += 16;
  }
  const rest = seen & 3;
  if (rest > 0) {
    const isThere = i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(rest));
    const y = v128.and(exp4(f32x4.sub(v128.load(p), tops)), isThere);
    v128.store(p, y);
    lanes = f32x4.add(lanes, y);
  }
  return sumLanes(lanes);
}

/** Scores of two blocks: eight chains, so that one's latency hides behind the others. */
function scoreTwo(dim: i32, query: usize, scale: f32, a: usize, b: usize, to: usize): void {
  let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
  const scales = f32x4.splat(scale);
  const end = query + (<usize>dim << 2);
  while (query < end) {
    const q = f32x4.mul(v128.load32_splat(query), scales);
    a0 = madd(q, v128.load(a), a0); a1 = madd(q, v128.load(a, 16), a1);
    a2 = madd(q, v128.load(a, 32), a2); a3 = madd(q, v128.load(a, 48), a3);
    b0 = madd(q, v128.load(b), b0); b1 = madd(q, v128.load(b, 16), b1);
    b2 = madd(q, v128.load(b, 32), b2); b3 = madd(q, v128.load(b, 48), b3);
    query += 4;
    a += KEY_BLOCK << 2;
    b += KEY_BLOCK << 2;
  }
  v128.store(to, a0); v128.store(to, a1, 16); v128.store(to, a2, 32); v128.store(to, a3, 48);
  v128.store(to, b0, 64); v128.store(to, b1, 80); v128.store(to, b2, 96); v128.store(to, b3, 112);
}

function scoreOne(dim: i32, query: usize, scale: f32, a: usize, to: usize): void {
  let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0;
  const scales = f32x4.splat(scale);
  const end = query + (<usize>dim << 2);
  while (query < end) {
    const q = f32x4.mul(v128.load32_splat(query), scales);
    a0 = madd(q, v128.load(a), a0); a1 = madd(q, v128.load(a, 16), a1);
    a2 = madd(q, v128.load(a, 32), a2); a3 = madd(q, v128.load(a, 48), a3);
    query += 4;
    a += KEY_BLOCK << 2;
  }
  v128.store(to, a0); v128.store(to, a1, 16); v128.store(to, a2, 32); v128.store(to, a3, 48);
}

/** Σ weight·value over the positions, in 32 dimensions. */
function mix32(seen: i32, weights: usize, values: usize, step: usize, to: usize): void {
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
  const end = weights + (<usize>seen << 2);
  while (weights < end) {
    const w = v128.load32_splat(weights);
    s0 = madd(w, v128.load(values), s0); s1 = madd(w, v128.load(values, 16), s1);
    s2 = madd(w, v128.load(values, 32), s2); s3 = madd(w, v128.load(values, 48), s3);
    s4 = madd(w, v128.load(values, 64), s4); s5 = madd(w, v128.load(values, 80), s5);
    s6 = madd(w, v128.load(values, 96), s6); s7 = madd(w, v128.load(values, 112), s7);
    weights += 4;
    values += step;
  }
  v128.store(to, s0); v128.store(to, s1, 16); v128.store(to, s2, 32); v128.store(to, s3, 48);
  v128.store(to, s4, 64); v128.store(to, s5, 80); v128.store(to, s6, 96); v128.store(to, s7, 112);
}

function mix4(seen: i32, weights: usize, values: usize, step: usize, to: usize): void {
  let sum = f32x4.splat(0);
  const end = weights + (<usize>seen << 2);
  while (weights < end) {
    sum = madd(v128.load32_splat(weights), v128.load(values), sum);
    weights += 4;
    values += step;
  }
  v128.store(to, sum);
}

function mix1(seen: i32, weights: usize, values: usize, step: usize, to: usize): void {
  let sum = f32x4.splat(0);
  const end = weights + (<usize>seen << 2);
  while (weights < end) {
    sum = madd(v128.load32_zero(weights), v128.load32_zero(values), sum);
    weights += 4;
    values += step;
  }
  store<f32>(to, f32x4.extract_lane(sum, 0));
}
