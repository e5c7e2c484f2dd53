// Attention of a decode step: one query against a slot of the cache whose keys lie in blocks of 16 positions, dimension by
// dimension, so that a vector holds one dimension of four keys and nothing need be turned. Each score is one chain of
// multiply-adds along the dimensions, each output one along the keys, both ascending: the same bits as `attention`.
import { rowExp, rowMax, rowScale } from './rows';
import { madd } from './vector';

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
    scoreTwo(dim, query, keys, keys + block, at);
    keys += block << 1;
    at += KEY_BLOCK << 3;
  }
  if (left > 0) scoreOne(dim, query, keys, at);
  const top = scale >= 0 ? rowMax(seen, scores) * scale : leastOf(seen, scores) * scale;
  const sum = rowExp(seen, scores, scale, top, scores);
  rowScale(seen, scores, 1 / sum);
  let d = 0;
  for (; d + 32 <= dim; d += 32) mix32(seen, scores, values + (<usize>d << 2), <usize>dim << 2, out + (<usize>d << 2));
  for (; d + 4 <= dim; d += 4) mix4(seen, scores, values + (<usize>d << 2), <usize>dim << 2, out + (<usize>d << 2));
  for (; d < dim; d++) mix1(seen, scores, values + (<usize>d << 2), <usize>dim << 2, out + (<usize>d << 2));
}

function leastOf(n: i32, x: usize): f32 {
  let least: f32 = Infinity;
  for (let i = 0; i < n; i++) least = min(least, load<f32>(x + (<usize>i << 2)));
  return least;
}

/** Scores of two blocks: eight chains, so that one's latency hides behind the others. */
function scoreTwo(dim: i32, query: usize, a: usize, b: usize, to: usize): void {
  let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
  const end = query + (<usize>dim << 2);
  while (query < end) {
    const q = v128.load32_splat(query);
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

function scoreOne(dim: i32, query: usize, a: usize, to: usize): void {
  let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0;
  const end = query + (<usize>dim << 2);
  while (query < end) {
    const q = v128.load32_splat(query);
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
