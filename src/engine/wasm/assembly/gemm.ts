// C = A·B (or C += A·B) for any mix of transposed operands. Each element of C is one chain of multiply-adds along k in
// ascending order, whatever the tile it falls in, so a row's result never depends on the other rows.
//
// A is packed in panels of 4 rows, B in panels of 8 columns, both k-major; the inner tile is 4x8 (larger ones spill).
import { madd } from './vector';

const KC: i32 = 256;
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
  const packedA = scratch;
  const edge = packedA + KC * 16;
  const packedB = edge + 128;
  for (let k0 = 0; k0 < k; k0 += KC) {
    const kc = min(KC, k - k0);
    const isContinued = accumulate != 0 || k0 > 0;
    for (let n0 = 0; n0 < n; n0 += NC) {
      const nc = min(NC, n - n0);
      packB(kc, nc, b + (<usize>(<i64>k0 * bRow + <i64>n0 * bCol) << 2), bRow, bCol, packedB);
      for (let i = 0; i < m; i += 4) {
        const rows = min(4, m - i);
        packA(kc, rows, a + (<usize>(<i64>i * aRow + <i64>k0 * aCol) << 2), aRow, aCol, packedA);
        let at = c + <usize>i * cStep + (<usize>n0 << 2);
        let panel = packedB;
        const panelStep = <usize>kc << 5;
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
  }
}

/** The inner tile. One step of k at a time: unrolling by two makes the compiler spill registers and is slower by a half. */
function tile(kc: i32, a: usize, b: usize, c: usize, cStep: usize, isContinued: bool): void {
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
function packA(kc: i32, rows: i32, a: usize, aRow: i32, aCol: i32, to: usize): void {
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
function packB(kc: i32, nc: i32, b: usize, bRow: i32, bCol: i32, to: usize): void {
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

/** One or two rows against columns that lie in one piece each (a decode step): nothing is packed. */
function narrowDot(
  m: i32, n: i32, k: i32, a: usize, aRow: i32, aCol: i32, b: usize, bCol: i32, c: usize, cStep: usize, accumulate: i32,
): void {
  const aStep = <usize>aCol << 2;
  const bStep = <usize>bCol << 2;
  for (let i = 0; i < m; i++) {
    const row = a + (<usize>(i * aRow) << 2);
    let at = c + <usize>i * cStep;
    let j = 0;
    for (; j + 16 <= n; j += 16) {
      dot16(k, row, aStep, b + <usize>j * bStep, bStep, at, accumulate);
      at += 64;
    }
    for (; j + 4 <= n; j += 4) {
      dot4(k, row, aStep, b + <usize>j * bStep, bStep, at, accumulate);
      at += 16;
    }
    for (; j < n; j++) {
      // One column: the same chain of multiply-adds, in one lane.
      let x = row;
      let y = b + <usize>j * bStep;
      let sum = accumulate ? v128.load32_zero(at) : f32x4.splat(0);
      for (let p = 0; p < k; p++) {
        sum = madd(v128.load32_zero(x), v128.load32_zero(y), sum);
        x += aStep;
        y += 4;
      }
      store<f32>(at, f32x4.extract_lane(sum, 0));
      at += 4;
    }
  }
}

/** One row against sixteen columns: four chains, so that one's latency hides behind the others. */
function dot16(k: i32, x: usize, xStep: usize, b: usize, bStep: usize, c: usize, accumulate: i32): void {
  let c0 = f32x4.splat(0), c1 = c0, c2 = c0, c3 = c0;
  if (accumulate) {
    c0 = v128.load(c); c1 = v128.load(c, 16); c2 = v128.load(c, 32); c3 = v128.load(c, 48);
  }
  const four = bStep << 2;
  let p0 = b, p1 = p0 + four, p2 = p1 + four, p3 = p2 + four;
  const stop = b + (<usize>(k & ~3) << 2);
  while (p0 < stop) {
    c0 = dotStep(x, xStep, p0, bStep, c0);
    c1 = dotStep(x, xStep, p1, bStep, c1);
    c2 = dotStep(x, xStep, p2, bStep, c2);
    c3 = dotStep(x, xStep, p3, bStep, c3);
    p0 += 16; p1 += 16; p2 += 16; p3 += 16;
    x += xStep << 2;
  }
  for (let p = k & ~3; p < k; p++) {
    const a = v128.load32_splat(x);
    c0 = madd(a, columnsAt(p0, bStep), c0);
    c1 = madd(a, columnsAt(p1, bStep), c1);
    c2 = madd(a, columnsAt(p2, bStep), c2);
    c3 = madd(a, columnsAt(p3, bStep), c3);
    p0 += 4; p1 += 4; p2 += 4; p3 += 4;
    x += xStep;
  }
  v128.store(c, c0); v128.store(c, c1, 16); v128.store(c, c2, 32); v128.store(c, c3, 48);
}

/** One row against four columns. */
function dot4(k: i32, x: usize, xStep: usize, b: usize, bStep: usize, c: usize, accumulate: i32): void {
  let sum = accumulate ? v128.load(c) : f32x4.splat(0);
  const stop = b + (<usize>(k & ~3) << 2);
  while (b < stop) {
    sum = dotStep(x, xStep, b, bStep, sum);
    b += 16;
    x += xStep << 2;
  }
  for (let p = k & ~3; p < k; p++) {
    sum = madd(v128.load32_splat(x), columnsAt(b, bStep), sum);
    b += 4;
    x += xStep;
  }
  v128.store(c, sum);
}

/** One value of each of four columns. */
// @ts-ignore: decorator
@inline
function columnsAt(p: usize, step: usize): v128 {
  return f32x4(load<f32>(p), load<f32>(p + step), load<f32>(p + step + step), load<f32>(p + step + step + step));
}

/** Four steps of k for four columns: their 4x4 block is turned, so that each lane keeps its own chain. */
// @ts-ignore: decorator
@inline
function dotStep(x: usize, xStep: usize, p: usize, step: usize, sum: v128): v128 {
  const q = p + step + step;
  const x0 = v128.load(p), x1 = v128.load(p + step), x2 = v128.load(q), x3 = v128.load(q + step);
  const lo01 = v128.shuffle<f32>(x0, x1, 0, 4, 1, 5);
  const lo23 = v128.shuffle<f32>(x2, x3, 0, 4, 1, 5);
  sum = madd(v128.load32_splat(x), v128.shuffle<f32>(lo01, lo23, 0, 1, 4, 5), sum);
  sum = madd(v128.load32_splat(x + xStep), v128.shuffle<f32>(lo01, lo23, 2, 3, 6, 7), sum);
  const hi01 = v128.shuffle<f32>(x0, x1, 2, 6, 3, 7);
  const hi23 = v128.shuffle<f32>(x2, x3, 2, 6, 3, 7);
  sum = madd(v128.load32_splat(x + xStep + xStep), v128.shuffle<f32>(hi01, hi23, 0, 1, 4, 5), sum);
  return madd(v128.load32_splat(x + xStep + xStep + xStep), v128.shuffle<f32>(hi01, hi23, 2, 3, 6, 7), sum);
}

/** One or two rows against a matrix whose rows lie in one piece each: nothing is packed. */
function narrowSum(
  m: i32, n: i32, k: i32, a: usize, aRow: i32, aCol: i32, b: usize, bRow: i32, c: usize, cStep: usize, accumulate: i32,
): void {
  const aStep = <usize>aCol << 2;
  const bStep = <usize>bRow << 2;
  for (let i = 0; i < m; i++) {
    const row = a + (<usize>(i * aRow) << 2);
    const out = c + <usize>i * cStep;
    let j = 0;
    for (; j + 16 <= n; j += 16) {
      const at = out + (<usize>j << 2);
      let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
      if (accumulate) {
        s0 = v128.load(at); s1 = v128.load(at, 16); s2 = v128.load(at, 32); s3 = v128.load(at, 48);
      }
      let x = row;
      let y = b + (<usize>j << 2);
      for (let p = 0; p < k; p++) {
        const w = v128.load32_splat(x);
        s0 = madd(w, v128.load(y), s0);
        s1 = madd(w, v128.load(y, 16), s1);
        s2 = madd(w, v128.load(y, 32), s2);
        s3 = madd(w, v128.load(y, 48), s3);
        x += aStep;
        y += bStep;
      }
      v128.store(at, s0); v128.store(at, s1, 16); v128.store(at, s2, 32); v128.store(at, s3, 48);
    }
    for (; j < n; j++) {
      const at = out + (<usize>j << 2);
      let sum = accumulate ? v128.load32_zero(at) : f32x4.splat(0);
      let x = row;
      let y = b + (<usize>j << 2);
      for (let p = 0; p < k; p++) {
        sum = madd(v128.load32_zero(x), v128.load32_zero(y), sum);
        x += aStep;
        y += bStep;
      }
      store<f32>(at, f32x4.extract_lane(sum, 0));
    }
  }
}

/** Fills each of m rows of C with the same n values (the bias). */
export function fillRows(m: i32, n: i32, from: usize, c: usize): void {
  const bytes = <usize>n << 2;
  for (let i = 0; i < m; i++) memory.copy(c + <usize>i * bytes, from, bytes);
}

/** to[j] = Σ over rows of x[i][j]: the gradient of a bias. */
export function sumRows(m: i32, n: i32, x: usize, to: usize): void {
  const bytes = <usize>n << 2;
  memory.fill(to, 0, bytes);
  const whole = bytes & ~15;
  for (let i = 0; i < m; i++) {
    const row = x + <usize>i * bytes;
    let p: usize = 0;
    for (; p < whole; p += 16) v128.store(to + p, f32x4.add(v128.load(to + p), v128.load(row + p)));
    for (; p < bytes; p += 4) store<f32>(to + p, load<f32>(to + p) + load<f32>(row + p));
  }
}
