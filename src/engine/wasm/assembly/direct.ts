// Tiles that read A where it lies, for products with few columns: packing A would cost as much as it saves.
// Each element is the chain of multiply-adds of the packed tiles.
import { clear } from './tile';
import { madd } from './vector';

/** Up to so many columns A is better not packed. */
export const FEW_COLUMNS: i32 = 64;

/**
 * C [MR, width] = A·B from zero, or from what is there; rows of A lie `aStep` bytes apart, steps of k `aNext`; B is a packed
 * panel.
 */
// @ts-ignore: decorator
@inline
export function direct(
  width: i32, kc: i32, a: usize, aStep: usize, aNext: usize, b: usize, c: usize, cStep: usize, isContinued: bool,
): void {
  if (!isContinued) clear(WIDE ? 6 : 4, width, c, cStep);
  if (!WIDE) direct4x8(kc, a, aStep, aNext, b, c, cStep);
  else if (width == 16) direct6x16(kc, a, aStep, aNext, b, c, cStep);
  else direct6x8(kc, a, aStep, aNext, b, c, cStep);
}

function direct4x8(kc: i32, a: usize, aStep: usize, aNext: usize, b: usize, c: usize, cStep: usize): void {
  let row = c;
  let c00 = v128.load(row), c01 = v128.load(row, 16);
  row += cStep;
  let c10 = v128.load(row), c11 = v128.load(row, 16);
  row += cStep;
  let c20 = v128.load(row), c21 = v128.load(row, 16);
  row += cStep;
  let c30 = v128.load(row), c31 = v128.load(row, 16);
  let a0 = a, a1 = a0 + aStep, a2 = a1 + aStep, a3 = a2 + aStep;
  const stop = b + <usize>kc * 32;
  while (b < stop) {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    let x = v128.load32_splat(a0);
    c00 = madd(x, b0, c00); c01 = madd(x, b1, c01);
    x = v128.load32_splat(a1);
    c10 = madd(x, b0, c10); c11 = madd(x, b1, c11);
    x = v128.load32_splat(a2);
    c20 = madd(x, b0, c20); c21 = madd(x, b1, c21);
    x = v128.load32_splat(a3);
    c30 = madd(x, b0, c30); c31 = madd(x, b1, c31);
    a0 += aNext; a1 += aNext; a2 += aNext; a3 += aNext;
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

function direct6x8(kc: i32, a: usize, aStep: usize, aNext: usize, b: usize, c: usize, cStep: usize): void {
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
  let a0 = a, a1 = a0 + aStep, a2 = a1 + aStep, a3 = a2 + aStep, a4 = a3 + aStep, a5 = a4 + aStep;
  const stop = b + <usize>kc * 32;
  while (b < stop) {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    let x = v128.load32_splat(a0);
    c00 = madd(x, b0, c00); c01 = madd(x, b1, c01);
    x = v128.load32_splat(a1);
    c10 = madd(x, b0, c10); c11 = madd(x, b1, c11);
    x = v128.load32_splat(a2);
    c20 = madd(x, b0, c20); c21 = madd(x, b1, c21);
    x = v128.load32_splat(a3);
    c30 = madd(x, b0, c30); c31 = madd(x, b1, c31);
    x = v128.load32_splat(a4);
    c40 = madd(x, b0, c40); c41 = madd(x, b1, c41);
    x = v128.load32_splat(a5);
    c50 = madd(x, b0, c50); c51 = madd(x, b1, c51);
    a0 += aNext; a1 += aNext; a2 += aNext; a3 += aNext; a4 += aNext; a5 += aNext;
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

function direct6x16(kc: i32, a: usize, aStep: usize, aNext: usize, b: usize, c: usize, cStep: usize): void {
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
  let a0 = a, a1 = a0 + aStep, a2 = a1 + aStep, a3 = a2 + aStep, a4 = a3 + aStep, a5 = a4 + aStep;
  const stop = b + <usize>kc * 64;
  while (b < stop) {
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
    a0 += aNext; a1 += aNext; a2 += aNext; a3 += aNext; a4 += aNext; a5 += aNext;
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
