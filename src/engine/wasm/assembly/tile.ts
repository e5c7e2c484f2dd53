// The inner tiles of every packed product: rows of A against a panel of B, each element one chain of multiply-adds along k.
//
// Two builds: where the runtime joins neighbouring 128-bit vectors into 256-bit ones (WIDE, see wasm/wideVectors.ts), tiles of 6
// rows and 16 columns keep twelve chains in registers; else 4 rows and 8 columns are the most that do not spill.
import { madd } from './vector';

/** Rows of a full tile. */
export const MR: i32 = WIDE ? 6 : 4;
/** Columns of a full panel of B; a last one of 8 follows where 8 or fewer are left. */
export const NR: i32 = WIDE ? 16 : 8;
/** Bytes of the largest tile. */
export const TILE_BYTES: i32 = MR * NR * 4;

/** Columns of the panel that begins where `left` columns are left. */
// @ts-ignore: decorator
@inline
export function panelWidth(left: i32): i32 {
  return WIDE && left > 8 ? 16 : 8;
}

/** Rows that a tile computes where `left` rows are left: 4 or MR. */
// @ts-ignore: decorator
@inline
export function tileRows(left: i32): i32 {
  return WIDE && left > 4 ? 6 : 4;
}

/** Rows that the tiles of `rows` rows compute in all. */
export function paddedRows(rows: i32): i32 {
  const rest = rows % MR;
  return rows - rest + (rest > 0 ? tileRows(rest) : 0);
}

/**
 * C [rows, width] = A·B from zero, or from what is there; A k-major with `rows` values side by side and `aStep` bytes from step to
 * step, B with `width` values a step.
 */
// @ts-ignore: decorator
@inline
export function tile(
  rows: i32, width: i32, kc: i32, a: usize, aStep: usize, b: usize, c: usize, cStep: usize, isContinued: bool,
): void {
  if (!isContinued) clear(rows, width, c, cStep);
  if (WIDE && width == 16) {
    if (rows == 6) tile6x16(kc, a, aStep, b, c, cStep);
    else tile4x16(kc, a, aStep, b, c, cStep);
  } else if (WIDE && rows == 6) {
    tile6x8(kc, a, aStep, b, c, cStep);
  } else {
    tile4x8(kc, a, aStep, b, c, cStep);
  }
}

/** Zeros where the tile lies, so that its loop begins in one way only: V8 does not join what may begin in two. */
export function clear(rows: i32, width: i32, c: usize, cStep: usize): void {
  const zero = f32x4.splat(0);
  for (let r = 0; r < rows; r++) {
    v128.store(c, zero); v128.store(c, zero, 16);
    if (WIDE && width == 16) {
      v128.store(c, zero, 32); v128.store(c, zero, 48);
    }
    c += cStep;
  }
}

// One step of k at a time: unrolling by two makes the compiler spill registers and is slower by a half. The rows' addresses are
// counted anew at the end, since kept ones would take the registers of the loop.

function tile4x8(kc: i32, a: usize, aStep: usize, b: usize, c: usize, cStep: usize): void {
  let row = c;
  let c00 = v128.load(row), c01 = v128.load(row, 16);
  row += cStep;
  let c10 = v128.load(row), c11 = v128.load(row, 16);
  row += cStep;
  let c20 = v128.load(row), c21 = v128.load(row, 16);
  row += cStep;
  let c30 = v128.load(row), c31 = v128.load(row, 16);
  const stop = a + <usize>kc * aStep;
  while (a < stop) {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    let x = v128.load32_splat(a);
    c00 = madd(x, b0, c00); c01 = madd(x, b1, c01);
    x = v128.load32_splat(a, 4);
    c10 = madd(x, b0, c10); c11 = madd(x, b1, c11);
    x = v128.load32_splat(a, 8);
    c20 = madd(x, b0, c20); c21 = madd(x, b1, c21);
    x = v128.load32_splat(a, 12);
    c30 = madd(x, b0, c30); c31 = madd(x, b1, c31);
    a += aStep;
    b += 32;
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

function tile6x8(kc: i32, a: usize, aStep: usize, b: usize, c: usize, cStep: usize): void {
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
  const stop = a + <usize>kc * aStep;
  while (a < stop) {
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
    a += aStep;
    b += 32;
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
}

function tile4x16(kc: i32, a: usize, aStep: usize, b: usize, c: usize, cStep: usize): void {
  let row = c;
  let c00 = v128.load(row), c01 = v128.load(row, 16), c02 = v128.load(row, 32), c03 = v128.load(row, 48);
  row += cStep;
  let c10 = v128.load(row), c11 = v128.load(row, 16), c12 = v128.load(row, 32), c13 = v128.load(row, 48);
  row += cStep;
  let c20 = v128.load(row), c21 = v128.load(row, 16), c22 = v128.load(row, 32), c23 = v128.load(row, 48);
  row += cStep;
  let c30 = v128.load(row), c31 = v128.load(row, 16), c32 = v128.load(row, 32), c33 = v128.load(row, 48);
  const stop = a + <usize>kc * aStep;
  while (a < stop) {
    const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(b, 32), b3 = v128.load(b, 48);
    let x = v128.load32_splat(a);
    c00 = madd(x, b0, c00); c01 = madd(x, b1, c01); c02 = madd(x, b2, c02); c03 = madd(x, b3, c03);
    x = v128.load32_splat(a, 4);
    c10 = madd(x, b0, c10); c11 = madd(x, b1, c11); c12 = madd(x, b2, c12); c13 = madd(x, b3, c13);
    x = v128.load32_splat(a, 8);
    c20 = madd(x, b0, c20); c21 = madd(x, b1, c21); c22 = madd(x, b2, c22); c23 = madd(x, b3, c23);
    x = v128.load32_splat(a, 12);
    c30 = madd(x, b0, c30); c31 = madd(x, b1, c31); c32 = madd(x, b2, c32); c33 = madd(x, b3, c33);
    a += aStep;
    b += 64;
  }
  row = c;
  v128.store(row, c00); v128.store(row, c01, 16); v128.store(row, c02, 32); v128.store(row, c03, 48);
  row += cStep;
  v128.store(row, c10); v128.store(row, c11, 16); v128.store(row, c12, 32); v128.store(row, c13, 48);
  row += cStep;
  v128.store(row, c20); v128.store(row, c21, 16); v128.store(row, c22, 32); v128.store(row, c23, 48);
  row += cStep;
  v128.store(row, c30); v128.store(row, c31, 16); v128.store(row, c32, 32); v128.store(row, c33, 48);
}

function tile6x16(kc: i32, a: usize, aStep: usize, b: usize, c: usize, cStep: usize): void {
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
  const stop = a + <usize>kc * aStep;
  while (a < stop) {
    const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = v128.load(b, 32), b3 = v128.load(b, 48);
    let x = v128.load32_splat(a);
    c00 = madd(x, b0, c00); c01 = madd(x, b1, c01); c02 = madd(x, b2, c02); c03 = madd(x, b3, c03);
    x = v128.load32_splat(a, 4);
    c10 = madd(x, b0, c10); c11 = madd(x, b1, c11); c12 = madd(x, b2, c12); c13 = madd(x, b3, c13);
    x = v128.load32_splat(a, 8);
    c20 = madd(x, b0, c20); c21 = madd(x, b1, c21); c22 = madd(x, b2, c22); c23 = madd(x, b3, c23);
    x = v128.load32_splat(a, 12);
    c30 = madd(x, b0, c30); c31 = madd(x, b1, c31); c32 = madd(x, b2, c32); c33 = madd(x, b3, c33);
    x = v128.load32_splat(a, 16);
    c40 = madd(x, b0, c40); c41 = madd(x, b1, c41); c42 = madd(x, b2, c42); c43 = madd(x, b3, c43);
    x = v128.load32_splat(a, 20);
    c50 = madd(x, b0, c50); c51 = madd(x, b1, c51); c52 = madd(x, b2, c52); c53 = madd(x, b3, c53);
    a += aStep;
    b += 64;
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
