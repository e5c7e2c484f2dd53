// The inner tiles of attention's sums (queryProducts.ts) over blocks of scores whose rows have 16 values. As in tile.ts, a loop
// begins in one way only and takes one step of k at a time; of each joined pair of vectors of C, eight to twelve stay in registers.
import { madd } from './vector';

/** Bytes of a row of scores. */
export const ROW: usize = 64;

/** C [4, 16] = Aᵀ·B from zero: a step of k is a row of A, whose first 4 values count. */
export function acrossRows4x16(keys: i32, a: usize, b: usize, bStep: usize, zeros: usize, c: usize, cStep: usize): void {
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

/** C [8, 8] = Aᵀ·B from zero: a step of k is a row of A, whose first 8 values count. */
export function acrossRows8x8(keys: i32, a: usize, b: usize, bStep: usize, zeros: usize, c: usize, cStep: usize): void {
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

/** C [4, 8] = Aᵀ·B from zero: a step of k is a row of A, whose first 4 values count. */
export function acrossRows4x8(keys: i32, a: usize, b: usize, bStep: usize, zeros: usize, c: usize, cStep: usize): void {
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

/** C [6, 16] += A·B: a step of k is the next value of each of 6 rows of A. */
export function alongRows6x16(queries: i32, a: usize, b: usize, bStep: usize, c: usize, cStep: usize): void {
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

/** C [8, 8] += A·B: a step of k is the next value of each of 8 rows of A. */
export function alongRows8x8(queries: i32, a: usize, b: usize, bStep: usize, c: usize, cStep: usize): void {
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

/** C [4, 8] += A·B: a step of k is the next value of each of 4 rows of A. */
export function alongRows4x8(queries: i32, a: usize, b: usize, bStep: usize, c: usize, cStep: usize): void {
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
