// C = A·B (or C += A·B) for any mix of transposed operands. Each element of C is one chain of multiply-adds along k in
// ascending order, whatever the tile it falls in, so a row's result never depends on the other rows.
//
// A is packed in panels of 4 rows, B in panels of 8 columns, both k-major; the inner tile is 4x8 (larger ones spill).
import { narrowDot, narrowSum } from './narrow';
import { madd } from './vector';

export const KC: i32 = 256;
const NC: i32 = 512;
/** Bytes that gemm needs at `scratch`. */
export const GEMM_SCRATCH: i32 = (KC * NC + KC * 4 + 32) * 4;

export function gemmScratch(): i32 {
  return GEMM_SCRATCH;
}

/**
 * Element (i, k) of A lies at a + 4·(i·aRow + k·aCol), element (k, j) of B at b + 4·(k·bRow + j·bCol), element (i, j) of
 * C at c + 4·(i·cRow + j). One stride of each operand must be 1.
 */
export function gemm(
  m: i32, n: i32, k: i32,
  a: usize, aRow: i32, aCol: i32,
  b: usize, bRow: i32, bCol: i32,
  c: usize, cRow: i32, accumulate: i32, scratch: usize,
): void {
  if (m <= 0 || n <= 0) return;
  const cStep = <usize>cRow << 2;
  if (k <= 0) {
    if (!accumulate) for (let i = 0; i < m; i++) memory.fill(c + <usize>i * cStep, 0, <usize>n << 2);
    return;
  }
  if (m <= 2) {
    if (bRow == 1) narrowDot(m, n, k, a, aRow, aCol, b, bCol, c, cStep, accumulate);
    else narrowSum(m, n, k, a, aRow, aCol, b, bRow, c, cStep, accumulate);
    return;
  }
  const packedB = scratch + KC * 16 + 128;
  for (let k0 = 0; k0 < k; k0 += KC) {
    const kc = min(KC, k - k0);
    const isContinued = accumulate != 0 || k0 > 0;
    for (let n0 = 0; n0 < n; n0 += NC) {
      const nc = min(NC, n - n0);
      packB(kc, nc, b + (<usize>(<i64>k0 * bRow + <i64>n0 * bCol) << 2), bRow, bCol, packedB);
      overPanels(m, nc, kc, a + (<usize>(<i64>k0 * aCol) << 2), aRow, aCol, c + (<usize>n0 << 2), cStep, isContinued, scratch);
    }
  }
}

/** All rows of A against the packed panels of B: C [m, nc] is set, or added to where `isContinued`. */
function overPanels(
  m: i32, nc: i32, kc: i32, a: usize, aRow: i32, aCol: i32, c: usize, cStep: usize, isContinued: bool, scratch: usize,
): void {
  const packedA = scratch;
  const edge = packedA + KC * 16;
  const packedB = edge + 128;
  const panelStep = <usize>kc << 5;
  for (let i = 0; i < m; i += 4) {
    const rows = min(4, m - i);
    packA(kc, rows, a + (<usize>(<i64>i * aRow) << 2), aRow, aCol, packedA);
    let at = c + <usize>i * cStep;
    let panel = packedB;
    let j = 0;
    if (rows == 4) {
      for (; j + 8 <= nc; j += 8) {
        tile(kc, packedA, panel, at, cStep, isContinued);
        at += 32;
        panel += panelStep;
      }
    }
    for (; j < nc; j += 8) {
      edgeTile(kc, packedA, panel, at, cStep, isContinued, rows, min(8, nc - j), edge);
      at += 32;
      panel += panelStep;
    }
  }
}

/**
 * The same product with a B of int8 values, each multiplied by a float32 scale while it is packed: element (k, j) of B is
 * int8 at b + k·bRow + j·bCol (strides in bytes, one of them 1) times the scale of its k where `scalesK`, else of its j.
 */
export function gemmInt8(
  m: i32, n: i32, k: i32,
  a: usize, aRow: i32, aCol: i32,
  b: usize, bRow: i32, bCol: i32, scales: usize, scalesK: i32,
  c: usize, cRow: i32, accumulate: i32, scratch: usize,
): void {
  if (m <= 0 || n <= 0) return;
  const cStep = <usize>cRow << 2;
  const packedB = scratch + KC * 16 + 128;
  for (let k0 = 0; k0 < k; k0 += KC) {
    const kc = min(KC, k - k0);
    const isContinued = accumulate != 0 || k0 > 0;
    for (let n0 = 0; n0 < n; n0 += NC) {
      const nc = min(NC, n - n0);
      const from = b + <usize>(<i64>k0 * bRow + <i64>n0 * bCol);
      if (scalesK) packInt8Rows(kc, nc, from, bRow, scales + (<usize>k0 << 2), packedB);
      else packInt8Columns(kc, nc, from, bCol, scales + (<usize>n0 << 2), packedB);
      overPanels(m, nc, kc, a + (<usize>(<i64>k0 * aCol) << 2), aRow, aCol, c + (<usize>n0 << 2), cStep, isContinued, scratch);
    }
  }
}

/** Panels of 8 columns of an int8 B whose rows lie in one piece, each row times its scale. */
function packInt8Rows(kc: i32, nc: i32, b: usize, bRow: i32, scales: usize, to: usize): void {
  for (let j = 0; j < nc; j += 8) {
    const columns = min(8, nc - j);
    let from = b + <usize>j;
    for (let p = 0; p < kc; p++) {
      const scale = load<f32>(scales + (<usize>p << 2));
      if (columns == 8) {
        const wide = v128.load8x8_s(from);
        const times = f32x4.splat(scale);
        v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(wide)), times));
        v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(wide)), times), 16);
      } else {
        for (let i = 0; i < columns; i++) store<f32>(to + (i << 2), <f32>load<i8>(from + i) * scale);
      }
      from += bRow;
      to += 32;
    }
  }
}

/** Panels of 8 columns of an int8 B whose columns lie in one piece, each column times its scale. */
function packInt8Columns(kc: i32, nc: i32, b: usize, bCol: i32, scales: usize, to: usize): void {
  for (let j = 0; j < nc; j += 8) {
    const columns = min(8, nc - j);
    for (let i = 0; i < columns; i++) {
      const scale = load<f32>(scales + (<usize>(j + i) << 2));
      const from = b + <usize>(j + i) * bCol;
      let at = to + (i << 2);
      for (let p = 0; p < kc; p++) {
        store<f32>(at, <f32>load<i8>(from + p) * scale);
        at += 32;
      }
    }
    to += <usize>kc << 5;
  }
}

/** The inner tile. One step of k at a time: unrolling by two makes the compiler spill registers and is slower by a half. */
export function tile(kc: i32, a: usize, b: usize, c: usize, cStep: usize, isContinued: bool): void {
  const r1 = c + cStep;
  const r2 = r1 + cStep;
  const r3 = r2 + cStep;
  let c00 = f32x4.splat(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
  if (isContinued) {
    c00 = v128.load(c); c01 = v128.load(c, 16);
    c10 = v128.load(r1); c11 = v128.load(r1, 16);
    c20 = v128.load(r2); c21 = v128.load(r2, 16);
    c30 = v128.load(r3); c31 = v128.load(r3, 16);
  }
  const stop = a + (<usize>kc << 4);
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
    a += 16;
    b += 32;
  }
  v128.store(c, c00); v128.store(c, c01, 16);
  v128.store(r1, c10); v128.store(r1, c11, 16);
  v128.store(r2, c20); v128.store(r2, c21, 16);
  v128.store(r3, c30); v128.store(r3, c31, 16);
}

/** A tile with fewer than 4 rows or 8 columns: the same tile, in a corner of the scratch space. */
function edgeTile(
  kc: i32, a: usize, b: usize, c: usize, cStep: usize, isContinued: bool, rows: i32, cols: i32, edge: usize,
): void {
  if (isContinued) {
    for (let i = 0; i < rows; i++) memory.copy(edge + (i << 5), c + <usize>i * cStep, <usize>cols << 2);
  }
  tile(kc, a, b, edge, 32, isContinued);
  for (let i = 0; i < rows; i++) memory.copy(c + <usize>i * cStep, edge + (i << 5), <usize>cols << 2);
}

/** Four rows of A, k-major; rows that are not there repeat the last one (their results are dropped). */
export function packA(kc: i32, rows: i32, a: usize, aRow: i32, aCol: i32, to: usize): void {
  if (aCol != 1) {
    // aRow is 1: the rows lie side by side.
    const step = <usize>aCol << 2;
    if (rows == 4) {
      for (let p = 0; p < kc; p++) {
        v128.store(to, v128.load(a));
        a += step;
        to += 16;
      }
      return;
    }
    for (let p = 0; p < kc; p++) {
      for (let r = 0; r < 4; r++) store<f32>(to + (r << 2), load<f32>(a + (min(r, rows - 1) << 2)));
      a += step;
      to += 16;
    }
    return;
  }
  const step = <usize>aRow << 2;
  packRows(kc, a, a + <usize>min(1, rows - 1) * step, a + <usize>min(2, rows - 1) * step, a + <usize>min(3, rows - 1) * step, to, 16);
}

/** Panels of 8 columns of B, k-major; columns that are not there hold anything (their results are dropped). */
export function packB(kc: i32, nc: i32, b: usize, bRow: i32, bCol: i32, to: usize): void {
  const panelStep = <usize>kc << 5;
  if (bCol == 1) {
    const step = <usize>bRow << 2;
    for (let j = 0; j < nc; j += 8) {
      let from = b + (<usize>j << 2);
      let at = to;
      if (j + 8 <= nc) {
        for (let p = 0; p < kc; p++) {
          v128.store(at, v128.load(from));
          v128.store(at, v128.load(from, 16), 16);
          from += step;
          at += 32;
        }
      } else {
        const bytes = <usize>(nc - j) << 2;
        for (let p = 0; p < kc; p++) {
          memory.copy(at, from, bytes);
          from += step;
          at += 32;
        }
      }
      to += panelStep;
    }
    return;
  }
  // bRow is 1: each column lies in one piece.
  const step = <usize>bCol << 2;
  for (let j = 0; j < nc; j += 8) {
    const last = nc - 1 - j;
    const at = b + <usize>j * step;
    packRows(kc, at, at + <usize>min(1, last) * step, at + <usize>min(2, last) * step, at + <usize>min(3, last) * step, to, 32);
    packRows(kc, at + <usize>min(4, last) * step, at + <usize>min(5, last) * step, at + <usize>min(6, last) * step, at + <usize>min(7, last) * step, to + 16, 32);
    to += panelStep;
  }
}

/** Transposes four pieces of kc values into kc groups of four, `step` bytes apart. */
function packRows(kc: i32, p0: usize, p1: usize, p2: usize, p3: usize, to: usize, step: usize): void {
  const step2 = step << 1;
  const step3 = step + step2;
  let p = 0;
  for (; p + 4 <= kc; p += 4) {
    const x0 = v128.load(p0), x1 = v128.load(p1), x2 = v128.load(p2), x3 = v128.load(p3);
    const lo01 = v128.shuffle<f32>(x0, x1, 0, 4, 1, 5);
    const hi01 = v128.shuffle<f32>(x0, x1, 2, 6, 3, 7);
    const lo23 = v128.shuffle<f32>(x2, x3, 0, 4, 1, 5);
    const hi23 = v128.shuffle<f32>(x2, x3, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<f32>(lo01, lo23, 0, 1, 4, 5));
    v128.store(to + step, v128.shuffle<f32>(lo01, lo23, 2, 3, 6, 7));
    v128.store(to + step2, v128.shuffle<f32>(hi01, hi23, 0, 1, 4, 5));
    v128.store(to + step3, v128.shuffle<f32>(hi01, hi23, 2, 3, 6, 7));
    p0 += 16; p1 += 16; p2 += 16; p3 += 16;
    to += step << 2;
  }
  for (; p < kc; p++) {
    store<f32>(to, load<f32>(p0));
    store<f32>(to + 4, load<f32>(p1));
    store<f32>(to + 8, load<f32>(p2));
    store<f32>(to + 12, load<f32>(p3));
    p0 += 4; p1 += 4; p2 += 4; p3 += 4;
    to += step;
  }
}
