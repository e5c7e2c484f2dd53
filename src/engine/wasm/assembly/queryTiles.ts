// The products of attention over a block of 16 queries, whose scores lie as [keys, 16]: a vector holds one key's scores of
// neighbouring queries. Each element is one chain of multiply-adds along k in ascending order, as in `gemm`. Operands are
// padded so that there are whole tiles only; where sums begin at zero, the tiles read zeros (see tile.ts on joined loops).
import { madd } from './vector';

/** Queries in a block, and the bytes of a row of its scores. */
export const QUERIES: i32 = 16;
export const ROW: usize = 64;
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

function acrossRows4x16(keys: i32, a: usize, b: usize, bStep: usize, zeros: usize, c: usize, cStep: usize): void {
  let c00 = v128.load(zeros), c01 = v128.load(zeros, 16), c02 = v128.load(zeros, 32), c03 = v128.load(zeros, 48);
  let c10 = v128.load(zeros), c11 = v128.load(zeros, 16), c12 = v128.load(zeros, 32), c13 = v128.load(zeros, 48);
  let c20 = v128.load(zeros), c21 = v128.load(zeros, 16), c22 = v128.load(zeros, 32), c23 = v128.load(zeros, 48);
  let c30 = v128.load(zeros), c31 = v128.load(zeros, 16), c32 = v128.load(zeros, 32), c33 = v128.load(zeros, 48);
  const stop = b + <usize>keys * bStep;
  while (b != stop) {
    const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(b, 32), b3 = v128.load(b, 48);
    let x = v128.load32_splat(a);
    c00 = madd(x, b0, c00); c01 = madd(x, b1, c01); c02 = madd(x, b2, c02); c03 = madd(x, b3, c03);
    x = v128.load32_splat(a, 4);
    c10 = madd(x, b0, c10); c11 = madd(x, b1, c11); c12 = madd(x, b2, c12); c13 = madd(x, b3, c13);
    x = v128.load32_splat(a, 8);
    c20 = madd(x, b0, c20); c21 = madd(x, b1, c21); c22 = madd(x, b2, c22); c23 = madd(x, b3, c23);
    x = v128.load32_splat(a, 12);
    c30 = madd(x, b0, c30); c31 = madd(x, b1, c31); c32 = madd(x, b2, c32); c33 = madd(x, b3, c33);
    a += ROW;
    b += bStep;
  }
  let row = c;
  v128.store(row, c00); v128.store(row, c01, 16); v128.store(row, c02, 32); v128.store(row, c03, 48);
  row += cStep;
  v128.store(row, c10); v128.store(row, c11, 16); v128.store(row, c12, 32); v128.store(row, c13, 48);
  row += cStep;
  v128.store(row, c20); v128.store(row, c21, 16); v128.store(row, c22, 32); v128.store(row, c23, 48);
  row += cStep;
  v128.store(row, c30); v128.store(row, c31, 16); v128.store(row, c32, 32); v128.store(row, c33, 48);
}

function acrossRows8x8(keys: i32, a: usize, b: usize, bStep: usize, zeros: usize, c: usize, cStep: usize): void {
  let c00 = v128.load(zeros), c01 = v128.load(zeros, 16);
  let c10 = v128.load(zeros), c11 = v128.load(zeros, 16);
  let c20 = v128.load(zeros), c21 = v128.load(zeros, 16);
  let c30 = v128.load(zeros), c31 = v128.load(zeros, 16);
  let c40 = v128.load(zeros), c41 = v128.load(zeros, 16);
  let c50 = v128.load(zeros), c51 = v128.load(zeros, 16);
  let c60 = v128.load(zeros), c61 = v128.load(zeros, 16);
  let c70 = v128.load(zeros), c71 = v128.load(zeros, 16);
  const stop = b + <usize>keys * bStep;
  while (b != stop) {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    let x = v128.load32_splat(a);
    c00 = madd(x, b0, c00); c01 = madd(x, b1, c01);
    x = v128.load32_splat(a, 4);
    c10 = madd(x, b0, c10); c11 = madd(x, b1, c11);
    x = v128.load32_splat(a, 8);
    c20 = madd(x, b0, c20); c21 = madd(x, b1, c21);
    x = v128.load32_splat(a, 12);
    c30 = madd(x, b0, c30); c31 = madd(x, b1, c31);
    x = v128.load32_splat(a, 16);
    c40 = madd(x, b0, c40); c41 = madd(x, b1, c41);
    x = v128.load32_splat(a, 20);
    c50 = madd(x, b0, c50); c51 = madd(x, b1, c51);
    x = v128.load32_splat(a, 24);
    c60 = madd(x, b0, c60); c61 = madd(x, b1, c61);
    x = v128.load32_splat(a, 28);
    c70 = madd(x, b0, c70); c71 = madd(x, b1, c71);
    a += ROW;
    b += bStep;
  }
  let row = c;
  v128.store(row, c00); v128.store(row, c01, 16);
  row += cStep;
  v128.store(row, c10); v128.store(row, c11, 16);
  row += cStep;
  v128.store(row, c20); v128.store(row, c21, 16);
  row += cStep;
  v128.store(row, c30); v128.store(row, c31, 16);
  row += cStep;
  v128.store(row, c40); v128.store(row, c41, 16);
  row += cStep;
  v128.store(row, c50); v128.store(row, c51, 16);
  row += cStep;
  v128.store(row, c60); v128.store(row, c61, 16);
  row += cStep;
  v128.store(row, c70); v128.store(row, c71, 16);
}

function acrossRows4x8(keys: i32, a: usize, b: usize, bStep: usize, zeros: usize, c: usize, cStep: usize): void {
  let c00 = v128.load(zeros), c01 = v128.load(zeros, 16);
  let c10 = v128.load(zeros), c11 = v128.load(zeros, 16);
  let c20 = v128.load(zeros), c21 = v128.load(zeros, 16);
  let c30 = v128.load(zeros), c31 = v128.load(zeros, 16);
  const stop = b + <usize>keys * bStep;
  while (b != stop) {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    let x = v128.load32_splat(a);
    c00 = madd(x, b0, c00); c01 = madd(x, b1, c01);
    x = v128.load32_splat(a, 4);
    c10 = madd(x, b0, c10); c11 = madd(x, b1, c11);
    x = v128.load32_splat(a, 8);
    c20 = madd(x, b0, c20); c21 = madd(x, b1, c21);
    x = v128.load32_splat(a, 12);
    c30 = madd(x, b0, c30); c31 = madd(x, b1, c31);
    a += ROW;
    b += bStep;
  }
  let row = c;
  v128.store(row, c00); v128.store(row, c01, 16);
  row += cStep;
  v128.store(row, c10); v128.store(row, c11, 16);
  row += cStep;
  v128.store(row, c20); v128.store(row, c21, 16);
  row += cStep;
  v128.store(row, c30); v128.store(row, c31, 16);
}

function alongRows6x16(queries: i32, a: usize, b: usize, bStep: usize, c: usize, cStep: usize): void {
  let row = c;
  let c00 = v128.load(row), c01 = v128.load(row, 16), c02 = v128.load(row, 32), c03 = v128.load(row, 48);
  row += cStep;
  let c10 = v128.load(row), c11 = v128.load(row, 16), c12 = v128.load(row, 32), c13 = v128.load(row, 48);
  row += cStep;
  let c20 = v128.load(row), c21 = v128.load(row, 16), c22 = v128.load(row, 32), c23 = v128.load(row, 48);
  row += cStep;
  let c30 = v128.load(row), c31 = v128.load(row, 16), c32 = v128.load(row, 32), c33 = v128.load(row, 48);
  row += cStep;
  let c40 = v128.load(row), c41 = v128.load(row, 16), c42 = v128.load(row, 32), c43 = v128.load(row, 48);
  row += cStep;
  let c50 = v128.load(row), c51 = v128.load(row, 16), c52 = v128.load(row, 32), c53 = v128.load(row, 48);
  const stop = b + <usize>queries * bStep;
  while (b != stop) {
    const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(b, 32), b3 = v128.load(b, 48);
    let x = v128.load32_splat(a);
    c00 = madd(x, b0, c00); c01 = madd(x, b1, c01); c02 = madd(x, b2, c02); c03 = madd(x, b3, c03);
    x = v128.load32_splat(a, 64);
    c10 = madd(x, b0, c10); c11 = madd(x, b1, c11); c12 = madd(x, b2, c12); c13 = madd(x, b3, c13);
    x = v128.load32_splat(a, 128);
    c20 = madd(x, b0, c20); c21 = madd(x, b1, c21); c22 = madd(x, b2, c22); c23 = madd(x, b3, c23);
    x = v128.load32_splat(a, 192);
    c30 = madd(x, b0, c30); c31 = madd(x, b1, c31); c32 = madd(x, b2, c32); c33 = madd(x, b3, c33);
    x = v128.load32_splat(a, 256);
    c40 = madd(x, b0, c40); c41 = madd(x, b1, c41); c42 = madd(x, b2, c42); c43 = madd(x, b3, c43);
    x = v128.load32_splat(a, 320);
    c50 = madd(x, b0, c50); c51 = madd(x, b1, c51); c52 = madd(x, b2, c52); c53 = madd(x, b3, c53);
    a += 4;
    b += bStep;
  }
  row = c;
  v128.store(row, c00); v128.store(row, c01, 16); v128.store(row, c02, 32); v128.store(row, c03, 48);
  row += cStep;
  v128.store(row, c10); v128.store(row, c11, 16); v128.store(row, c12, 32); v128.store(row, c13, 48);
  row += cStep;
  v128.store(row, c20); v128.store(row, c21, 16); v128.store(row, c22, 32); v128.store(row, c23, 48);
  row += cStep;
  v128.store(row, c30); v128.store(row, c31, 16); v128.store(row, c32, 32); v128.store(row, c33, 48);
  row += cStep;
  v128.store(row, c40); v128.store(row, c41, 16); v128.store(row, c42, 32); v128.store(row, c43, 48);
  row += cStep;
  v128.store(row, c50); v128.store(row, c51, 16); v128.store(row, c52, 32); v128.store(row, c53, 48);
}

function alongRows8x8(queries: i32, a: usize, b: usize, bStep: usize, c: usize, cStep: usize): void {
  let row = c;
  let c00 = v128.load(row), c01 = v128.load(row, 16);
  row += cStep;
  let c10 = v128.load(row), c11 = v128.load(row, 16);
  row += cStep;
  let c20 = v128.load(row), c21 = v128.load(row, 16);
  row += cStep;
  let c30 = v128.load(row), c31 = v128.load(row, 16);
  row += cStep;
  let c40 = v128.load(row), c41 = v128.load(row, 16);
  row += cStep;
  let c50 = v128.load(row), c51 = v128.load(row, 16);
  row += cStep;
  let c60 = v128.load(row), c61 = v128.load(row, 16);
  row += cStep;
  let c70 = v128.load(row), c71 = v128.load(row, 16);
  const stop = b + <usize>queries * bStep;
  while (b != stop) {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    let x = v128.load32_splat(a);
    c00 = madd(x, b0, c00); c01 = madd(x, b1, c01);
    x = v128.load32_splat(a, 64);
    c10 = madd(x, b0, c10); c11 = madd(x, b1, c11);
    x = v128.load32_splat(a, 128);
    c20 = madd(x, b0, c20); c21 = madd(x, b1, c21);
    x = v128.load32_splat(a, 192);
    c30 = madd(x, b0, c30); c31 = madd(x, b1, c31);
    x = v128.load32_splat(a, 256);
    c40 = madd(x, b0, c40); c41 = madd(x, b1, c41);
    x = v128.load32_splat(a, 320);
    c50 = madd(x, b0, c50); c51 = madd(x, b1, c51);
    x = v128.load32_splat(a, 384);
    c60 = madd(x, b0, c60); c61 = madd(x, b1, c61);
    x = v128.load32_splat(a, 448);
    c70 = madd(x, b0, c70); c71 = madd(x, b1, c71);
    a += 4;
    b += bStep;
  }
  row = c;
  v128.store(row, c00); v128.store(row, c01, 16);
  row += cStep;
  v128.store(row, c10); v128.store(row, c11, 16);
  row += cStep;
  v128.store(row, c20); v128.store(row, c21, 16);
  row += cStep;
  v128.store(row, c30); v128.store(row, c31, 16);
  row += cStep;
  v128.store(row, c40); v128.store(row, c41, 16);
  row += cStep;
  v128.store(row, c50); v128.store(row, c51, 16);
  row += cStep;
  v128.store(row, c60); v128.store(row, c61, 16);
  row += cStep;
  v128.store(row, c70); v128.store(row, c71, 16);
}

function alongRows4x8(queries: i32, a: usize, b: usize, bStep: usize, c: usize, cStep: usize): void {
  let row = c;
  let c00 = v128.load(row), c01 = v128.load(row, 16);
  row += cStep;
  let c10 = v128.load(row), c11 = v128.load(row, 16);
  row += cStep;
  let c20 = v128.load(row), c21 = v128.load(row, 16);
  row += cStep;
  let c30 = v128.load(row), c31 = v128.load(row, 16);
  const stop = b + <usize>queries * bStep;
  while (b != stop) {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    let x = v128.load32_splat(a);
    c00 = madd(x, b0, c00); c01 = madd(x, b1, c01);
    x = v128.load32_splat(a, 64);
    c10 = madd(x, b0, c10); c11 = madd(x, b1, c11);
    x = v128.load32_splat(a, 128);
    c20 = madd(x, b0, c20); c21 = madd(x, b1, c21);
    x = v128.load32_splat(a, 192);
    c30 = madd(x, b0, c30); c31 = madd(x, b1, c31);
    a += 4;
    b += bStep;
  }
  row = c;
  v128.store(row, c00); v128.store(row, c01, 16);
  row += cStep;
  v128.store(row, c10); v128.store(row, c11, 16);
  row += cStep;
  v128.store(row, c20); v128.store(row, c21, 16);
  row += cStep;
  v128.store(row, c30); v128.store(row, c31, 16);
}
