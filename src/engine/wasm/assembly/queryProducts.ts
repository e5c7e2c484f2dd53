// The products of attention over a block of 16 queries, whose scores lie as [keys, 16]: a vector holds one key's scores of
// neighbouring queries. Each element is one chain of multiply-adds along k in ascending order, as in `gemm`. Operands are
// padded so that there are whole tiles only; where sums begin at zero, the tiles read zeros (see tile.ts on joined loops).
import { acrossRows4x8, acrossRows4x16, acrossRows8x8, alongRows4x8, alongRows6x16, alongRows8x8, ROW } from './sumTiles';
import { madd } from './vector';

/** Queries in a block. */
export const QUERIES: i32 = 16;
/** Rows up to which the tiles may go beyond the keys. */
export const SPARE_ROWS: i32 = 8;

/**
 * Scores C [keys, 16] = A·B from zero, for whole tiles of keys.
 * @param a [keys, dim], rows `aStep` bytes apart; b [dim, 16]
 */
export function scoreKeys(keys: i32, dim: i32, a: usize, aStep: usize, b: usize, zeros: usize, c: usize): void {
  for (let i = 0; i < keys; i += WIDE ? 6 : 4) {
    if (WIDE) {
      score6x16(dim, a, aStep, b, zeros, c);
      a += 6 * aStep; c += 6 * ROW;
    } else {
      score4x8(dim, a, aStep, b, zeros, c);
      score4x8(dim, a, aStep, b + 32, zeros, c + 32);
      a += 4 * aStep; c += 4 * ROW;
    }
  }
}

/**
 * Sums over keys, C [16, dim] = Aᵀ·B from zero, for a dim of whole eights.
 * @param a [keys, 16]; b [keys, dim]; rows of b and c lie `step` bytes apart
 */
export function sumOverKeys(keys: i32, a: usize, b: usize, step: usize, zeros: usize, c: usize): void {
  for (let j: usize = 0; j < step; ) {
    const to = c + j;
    if (WIDE && j + 64 <= step) {
      for (let i: usize = 0; i < 4; i++) acrossRows4x16(keys, a + (i << 4), b + j, step, zeros, to + (i << 2) * step, step);
      j += 64;
    } else {
      if (WIDE) {
        for (let i: usize = 0; i < 2; i++) acrossRows8x8(keys, a + (i << 5), b + j, step, zeros, to + (i << 3) * step, step);
      } else {
        for (let i: usize = 0; i < 4; i++) acrossRows4x8(keys, a + (i << 4), b + j, step, zeros, to + (i << 2) * step, step);
      }
      j += 32;
    }
  }
}

/**
 * Sums over queries, C [keys, dim] += A·B, for whole tiles of keys and a dim of whole eights.
 * @param a [keys, 16]; b [queries, dim]; rows of b and c lie `step` bytes apart
 */
export function addOverQueries(keys: i32, queries: i32, a: usize, b: usize, step: usize, c: usize): void {
  for (let j: usize = 0; j < step; ) {
    let from = a, to = c + j;
    if (WIDE && j + 64 <= step) {
      for (let i = 0; i < keys; i += 6) {
        alongRows6x16(queries, from, b + j, step, to, step);
        from += 6 * ROW; to += 6 * step;
      }
      j += 64;
    } else {
      for (let i = 0; i < keys; i += WIDE ? 8 : 4) {
        if (WIDE) alongRows8x8(queries, from, b + j, step, to, step);
        else alongRows4x8(queries, from, b + j, step, to, step);
        from += (WIDE ? 8 : 4) * ROW; to += (WIDE ? 8 : 4) * step;
      }
      j += 32;
    }
  }
}

/** C [6, 16] = A·B from zero: rows of A `aStep` bytes apart, those of B and C side by side. */
function score6x16(dim: i32, a: usize, aStep: usize, b: usize, zeros: usize, c: usize): void {
  let a0 = a, a1 = a0 + aStep, a2 = a1 + aStep, a3 = a2 + aStep, a4 = a3 + aStep, a5 = a4 + aStep;
  let c00 = v128.load(zeros), c01 = v128.load(zeros, 16), c02 = v128.load(zeros, 32), c03 = v128.load(zeros, 48);
  let c10 = v128.load(zeros), c11 = v128.load(zeros, 16), c12 = v128.load(zeros, 32), c13 = v128.load(zeros, 48);
  let c20 = v128.load(zeros), c21 = v128.load(zeros, 16), c22 = v128.load(zeros, 32), c23 = v128.load(zeros, 48);
  let c30 = v128.load(zeros), c31 = v128.load(zeros, 16), c32 = v128.load(zeros, 32), c33 = v128.load(zeros, 48);
  let c40 = v128.load(zeros), c41 = v128.load(zeros, 16), c42 = v128.load(zeros, 32), c43 = v128.load(zeros, 48);
  let c50 = v128.load(zeros), c51 = v128.load(zeros, 16), c52 = v128.load(zeros, 32), c53 = v128.load(zeros, 48);
  const stop = b + <usize>dim * ROW;
  while (b != stop) {
    const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(b, 32), b3 = v128.load(b, 48);
    let x = v128.load32_splat(a0);
    c00 = madd(x, b0, c00); c01 = madd(x, b1, c01); c02 = madd(x, b2, c02); c03 = madd(x, b3, c03);
    x = v128.load32_splat(a1);
    c10 = madd(x, b0, c10); c11 = madd(x, b1, c11); c12 = madd(x, b2, c12); c13 = madd(x, b3, c13);
    x = v128.load32_splat(a2);
    c20 = madd(x, b0, c20); c21 = madd(x, b1, c21); c22 = madd(x, b2, c22); c23 = madd(x, b3, c23);
    x = v128.load32_splat(a3);
    c30 = madd(x, b0, c30); c31 = madd(x, b1, c31); c32 = madd(x, b2, c32); c33 = madd(x, b3, c33);
    x = v128.load32_splat(a4);
    c40 = madd(x, b0, c40); c41 = madd(x, b1, c41); c42 = madd(x, b2, c42); c43 = madd(x, b3, c43);
    x = v128.load32_splat(a5);
    c50 = madd(x, b0, c50); c51 = madd(x, b1, c51); c52 = madd(x, b2, c52); c53 = madd(x, b3, c53);
    a0 += 4; a1 += 4; a2 += 4; a3 += 4; a4 += 4; a5 += 4;
    b += ROW;
  }
  let row = c;
  v128.store(row, c00); v128.store(row, c01, 16); v128.store(row, c02, 32); v128.store(row, c03, 48);
  row += ROW;
  v128.store(row, c10); v128.store(row, c11, 16); v128.store(row, c12, 32); v128.store(row, c13, 48);
  row += ROW;
  v128.store(row, c20); v128.store(row, c21, 16); v128.store(row, c22, 32); v128.store(row, c23, 48);
  row += ROW;
  v128.store(row, c30); v128.store(row, c31, 16); v128.store(row, c32, 32); v128.store(row, c33, 48);
  row += ROW;
  v128.store(row, c40); v128.store(row, c41, 16); v128.store(row, c42, 32); v128.store(row, c43, 48);
  row += ROW;
  v128.store(row, c50); v128.store(row, c51, 16); v128.store(row, c52, 32); v128.store(row, c53, 48);
}

/** The same for C [4, 8], within rows of 16. */
function score4x8(dim: i32, a: usize, aStep: usize, b: usize, zeros: usize, c: usize): void {
  let a0 = a, a1 = a0 + aStep, a2 = a1 + aStep, a3 = a2 + aStep;
  let c00 = v128.load(zeros), c01 = v128.load(zeros, 16);
  let c10 = v128.load(zeros), c11 = v128.load(zeros, 16);
  let c20 = v128.load(zeros), c21 = v128.load(zeros, 16);
  let c30 = v128.load(zeros), c31 = v128.load(zeros, 16);
  const stop = b + <usize>dim * ROW;
  while (b != stop) {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    let x = v128.load32_splat(a0);
    c00 = madd(x, b0, c00); c01 = madd(x, b1, c01);
    x = v128.load32_splat(a1);
    c10 = madd(x, b0, c10); c11 = madd(x, b1, c11);
    x = v128.load32_splat(a2);
    c20 = madd(x, b0, c20); c21 = madd(x, b1, c21);
    x = v128.load32_splat(a3);
    c30 = madd(x, b0, c30); c31 = madd(x, b1, c31);
    a0 += 4; a1 += 4; a2 += 4; a3 += 4;
    b += ROW;
  }
  let row = c;
  v128.store(row, c00); v128.store(row, c01, 16);
  row += ROW;
  v128.store(row, c10); v128.store(row, c11, 16);
  row += ROW;
  v128.store(row, c20); v128.store(row, c21, 16);
  row += ROW;
  v128.store(row, c30); v128.store(row, c31, 16);
}
