// Products with one or two rows (a decode step), straight from memory: packing would cost more than it saves.
// Each element is the same chain of multiply-adds along k as in the packed tiles.
import { madd } from './vector';

/** One or two rows against columns that lie in one piece each (a decode step): nothing is packed. */
export function narrowDot(
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
export function narrowSum(
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
