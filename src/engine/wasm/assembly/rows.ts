// Kernels over rows: softmax, log-softmax, root-mean-square normalisation, rotary positions, embedding.
import { constants, exp1, exp4, exp4At, log1, madd, maxLanes, sqrt1, sumLanes } from './vector';

/** The largest of n values. */
export function rowMax(n: i32, x: usize): f32 {
  let p = x;
  const end = x + (<usize>n << 2);
  let best: f32 = -Infinity;
  if (n >= 4) {
    // Four chains, so that one's latency hides behind the others.
    let a = v128.load(p), b = a, c = a, d = a;
    for (; p + 64 <= end; p += 64) {
      a = f32x4.pmax(a, v128.load(p)); b = f32x4.pmax(b, v128.load(p, 16));
      c = f32x4.pmax(c, v128.load(p, 32)); d = f32x4.pmax(d, v128.load(p, 48));
    }
    for (; p + 16 <= end; p += 16) a = f32x4.pmax(a, v128.load(p));
    best = maxLanes(f32x4.pmax(f32x4.pmax(a, b), f32x4.pmax(c, d)));
  }
  for (; p < end; p += 4) best = max(best, load<f32>(p));
  return best;
}

/** to = e^(x·scale - shift), in place where to == x; returns the sum. */
export function rowExp(n: i32, x: usize, scale: f32, shift: f32, to: usize): f32 {
  const c = constants;
  const scales = f32x4.splat(scale), shifts = f32x4.splat(shift);
  const whole = <usize>(n & ~3) << 2;
  const bytes = <usize>n << 2;
  const pairs = <usize>(n & ~7) << 2;
  let lanes = f32x4.splat(0);
  let p: usize = 0;
  // Two vectors at a time, loads before stores, for runtimes that join them; likewise below.
  for (; p < pairs; p += 32) {
    const x0 = v128.load(x + p), x1 = v128.load(x + p, 16);
    const y0 = exp4At(f32x4.sub(f32x4.mul(x0, scales), shifts), c), y1 = exp4At(f32x4.sub(f32x4.mul(x1, scales), shifts), c + 16);
    v128.store(to + p, y0); v128.store(to + p, y1, 16);
    lanes = f32x4.add(f32x4.add(lanes, y0), y1);
  }
  if (p < whole) {
    const y = exp4(f32x4.sub(f32x4.mul(v128.load(x + p), scales), shifts));
    v128.store(to + p, y);
    lanes = f32x4.add(lanes, y);
    p += 16;
  }
  let sum = sumLanes(lanes);
  for (; p < bytes; p += 4) {
    const y = exp1(load<f32>(x + p) * scale - shift);
    store<f32>(to + p, y);
    sum += y;
  }
  return sum;
}

export function rowScale(n: i32, x: usize, factor: f32): void {
  const factors = f32x4.splat(factor);
  let p = x;
  const end = x + (<usize>n << 2);
  for (; p + 32 <= end; p += 32) {
    const y0 = f32x4.mul(v128.load(p), factors), y1 = f32x4.mul(v128.load(p, 16), factors);
    v128.store(p, y0); v128.store(p, y1, 16);
  }
  for (; p < end; p += 4) store<f32>(p, load<f32>(p) * factor);
}

export function softmax(rows: i32, n: i32, x: usize, to: usize): void {
  const bytes = <usize>n << 2;
  for (let i = 0; i < rows; i++) {
    const sum = rowExp(n, x, 1, rowMax(n, x), to);
    rowScale(n, to, 1 / sum);
    x += bytes;
    to += bytes;
  }
}

/** dx = y · (dy - Σ dy·y) */
export function softmaxGradient(rows: i32, n: i32, y: usize, dy: usize, to: usize): void {
  const bytes = <usize>n << 2;
  for (let i = 0; i < rows; i++) {
    const total = rowDot(n, y, dy);
    const totals = f32x4.splat(total);
    let p: usize = 0;
    for (; p + 16 <= bytes; p += 16) {
      v128.store(to + p, f32x4.mul(v128.load(y + p), f32x4.sub(v128.load(dy + p), totals)));
    }
    for (; p < bytes; p += 4) store<f32>(to + p, load<f32>(y + p) * (load<f32>(dy + p) - total));
    y += bytes;
    dy += bytes;
    to += bytes;
  }
}

export function logSoftmax(rows: i32, n: i32, x: usize, to: usize): void {
  const bytes = <usize>n << 2;
  for (let i = 0; i < rows; i++) {
    const top = rowMax(n, x);
    const logSum = <f32>log1(rowExp(n, x, 1, top, to));
    const tops = f32x4.splat(top), logSums = f32x4.splat(logSum);
    let p: usize = 0;
    for (; p + 16 <= bytes; p += 16) {
      v128.store(to + p, f32x4.sub(f32x4.sub(v128.load(x + p), tops), logSums));
    }
    for (; p < bytes; p += 4) store<f32>(to + p, load<f32>(x + p) - top - logSum);
    x += bytes;
    to += bytes;
  }
}

/** dx = dy - e^y · Σ dy */
export function logSoftmaxGradient(rows: i32, n: i32, y: usize, dy: usize, to: usize): void {
  const bytes = <usize>n << 2;
  for (let i = 0; i < rows; i++) {
    rowExp(n, y, 1, 0, to);
    let lanes = f32x4.splat(0);
    let p: usize = 0;
    for (; p + 16 <= bytes; p += 16) lanes = f32x4.add(lanes, v128.load(dy + p));
    let total = sumLanes(lanes);
    for (; p < bytes; p += 4) total += load<f32>(dy + p);
    const totals = f32x4.splat(total);
    for (p = 0; p + 16 <= bytes; p += 16) {
      v128.store(to + p, f32x4.sub(v128.load(dy + p), f32x4.mul(v128.load(to + p), totals)));
    }
    for (; p < bytes; p += 4) store<f32>(to + p, load<f32>(dy + p) - load<f32>(to + p) * total);
    y += bytes;
    dy += bytes;
    to += bytes;
  }
}

/** Σ x·y */
export function rowDot(n: i32, x: usize, y: usize): f32 {
  const whole = <usize>(n & ~3) << 2;
  const bytes = <usize>n << 2;
  let lanes = f32x4.splat(0);
  let p: usize = 0;
  for (; p < whole; p += 16) lanes = madd(v128.load(x + p), v128.load(y + p), lanes);
  let sum = sumLanes(lanes);
  for (; p < bytes; p += 4) sum += load<f32>(x + p) * load<f32>(y + p);
  return sum;
}

/** y = x / sqrt(mean(x²) + ε) · g; each row's reciprocal root goes to `scales`. */
export function rmsNorm(rows: i32, n: i32, x: usize, gain: usize, epsilon: f32, to: usize, scales: usize): void {
  const bytes = <usize>n << 2;
  for (let i = 0; i < rows; i++) {
    const scale: f32 = <f32>1 / sqrt1(rowDot(n, x, x) / <f32>n + epsilon);
    store<f32>(scales + (<usize>i << 2), scale);
    scaleByGain(n, x, scale, gain, to);
    x += bytes;
    to += bytes;
  }
}

/** to = x·scale·gain */
function scaleByGain(n: i32, x: usize, scale: f32, gain: usize, to: usize): void {
  const scales = f32x4.splat(scale);
  const end = to + (<usize>n << 2);
  for (; to + 32 <= end; to += 32) {
    const y0 = f32x4.mul(f32x4.mul(v128.load(x), scales), v128.load(gain));
    const y1 = f32x4.mul(f32x4.mul(v128.load(x, 16), scales), v128.load(gain, 16));
    v128.store(to, y0); v128.store(to, y1, 16);
    x += 32;
    gain += 32;
  }
  for (; to < end; to += 4) {
    store<f32>(to, load<f32>(x) * scale * load<f32>(gain));
    x += 4;
    gain += 4;
  }
}

/** With r the reciprocal root: dx = r·(g·dy) - x · r³/n · Σ g·dy·x */
export function rmsNormGradient(rows: i32, n: i32, x: usize, gain: usize, scales: usize, dy: usize, to: usize): void {
  const pairs = <usize>(n & ~7) << 2;
  const whole = <usize>(n & ~3) << 2;
  const bytes = <usize>n << 2;
  for (let i = 0; i < rows; i++) {
    const r = load<f32>(scales + (<usize>i << 2));
    let lanes = f32x4.splat(0);
    let p: usize = 0;
    for (; p < whole; p += 16) {
      lanes = madd(f32x4.mul(v128.load(dy + p), v128.load(gain + p)), v128.load(x + p), lanes);
    }
    let total = sumLanes(lanes);
    for (; p < bytes; p += 4) total += load<f32>(dy + p) * load<f32>(gain + p) * load<f32>(x + p);
    const back = -(r * r * r * total) / <f32>n;
    const rs = f32x4.splat(r), backs = f32x4.splat(back);
    for (p = 0; p < pairs; p += 32) {
      const d0 = v128.load(dy + p), d1 = v128.load(dy + p, 16);
      const g0 = v128.load(gain + p), g1 = v128.load(gain + p, 16);
      const x0 = v128.load(x + p), x1 = v128.load(x + p, 16);
      const y0 = madd(x0, backs, f32x4.mul(f32x4.mul(d0, g0), rs)), y1 = madd(x1, backs, f32x4.mul(f32x4.mul(d1, g1), rs));
      v128.store(to + p, y0); v128.store(to + p, y1, 16);
    }
    if (p < whole) {
      const straight = f32x4.mul(f32x4.mul(v128.load(dy + p), v128.load(gain + p)), rs);
      v128.store(to + p, madd(v128.load(x + p), backs, straight));
      p += 16;
    }
    for (; p < bytes; p += 4) {
      store<f32>(to + p, load<f32>(dy + p) * load<f32>(gain + p) * r + load<f32>(x + p) * back);
    }
    x += bytes;
    dy += bytes;
    to += bytes;
  }
}

/** dg = Σ over rows of dy·x·r, for n columns of rows that lie `step` values apart */
export function rmsNormGainGradient(
  rows: i32, n: i32, step: i32, x: usize, scales: usize, dy: usize, to: usize,
): void {
  const end = to + (<usize>n << 2);
  for (; to + 32 <= end; to += 32) {
    gainOfEight(rows, step, x, scales, dy, to);
    x += 32;
    dy += 32;
  }
  if (to + 16 <= end) {
    let sums = f32x4.splat(0);
    for (let i = 0; i < rows; i++) {
      const at = <usize>i * (<usize>step << 2);
      const r = v128.load32_splat(scales + (<usize>i << 2));
      sums = madd(f32x4.mul(v128.load(dy + at), v128.load(x + at)), r, sums);
    }
    v128.store(to, sums);
    to += 16;
    x += 16;
    dy += 16;
  }
  for (; to < end; to += 4) {
    let sum: f32 = 0;
    for (let i = 0; i < rows; i++) {
      const at = <usize>i * (<usize>step << 2);
      sum += load<f32>(dy + at) * load<f32>(x + at) * load<f32>(scales + (<usize>i << 2));
    }
    store<f32>(to, sum);
    x += 4;
    dy += 4;
  }
}

/** The sums of eight columns, kept in registers. */
function gainOfEight(rows: i32, step: i32, x: usize, scales: usize, dy: usize, to: usize): void {
  const bytes = <usize>step << 2;
  const end = scales + (<usize>rows << 2);
  let low = f32x4.splat(0), high = f32x4.splat(0);
  for (; scales < end; scales += 4) {
    const r = v128.load32_splat(scales);
    const x0 = v128.load(x), x1 = v128.load(x, 16);
    const d0 = v128.load(dy), d1 = v128.load(dy, 16);
    low = madd(f32x4.mul(d0, x0), r, low); high = madd(f32x4.mul(d1, x1), r, high);
    x += bytes;
    dy += bytes;
  }
  v128.store(to, low); v128.store(to, high, 16);
}

/** Turns each pair (i, i + half) of every head by its position's angle; `sign` -1 turns back (the gradient). */
export function rotary(
  tokens: i32, heads: i32, half: i32, x: usize, positions: usize, cos: usize, sin: usize, sign: f32, to: usize,
): void {
  const bytes = <usize>half << 2;
  const whole = <usize>(half & ~3) << 2;
  const signs = f32x4.splat(sign);
  for (let i = 0; i < tokens; i++) {
    const row = <usize>load<i32>(positions + (<usize>i << 2)) * bytes;
    const c = cos + row;
    const s = sin + row;
    for (let h = 0; h < heads; h++) {
      let p: usize = 0;
      for (; p < whole; p += 16) {
        const cs = v128.load(c + p), sn = f32x4.mul(v128.load(s + p), signs);
        const first = v128.load(x + p), second = v128.load(x + bytes + p);
        v128.store(to + p, f32x4.sub(f32x4.mul(first, cs), f32x4.mul(second, sn)));
        v128.store(to + bytes + p, f32x4.add(f32x4.mul(second, cs), f32x4.mul(first, sn)));
      }
      for (; p < bytes; p += 4) {
        const cs = load<f32>(c + p), sn = load<f32>(s + p) * sign;
        const first = load<f32>(x + p), second = load<f32>(x + bytes + p);
        store<f32>(to + p, first * cs - second * sn);
        store<f32>(to + bytes + p, second * cs + first * sn);
      }
      x += bytes << 1;
      to += bytes << 1;
    }
  }
}

/** Row ids[i] of the table for each i. */
export function gather(count: i32, n: i32, table: usize, ids: usize, to: usize): void {
  const bytes = <usize>n << 2;
  for (let i = 0; i < count; i++) {
    memory.copy(to, table + <usize>load<i32>(ids + (<usize>i << 2)) * bytes, bytes);
    to += bytes;
  }
}

/** table[ids[i]] += rows[i], in order; the table is set to zero first. */
export function scatterAdd(count: i32, n: i32, vocab: i32, rows: usize, ids: usize, table: usize): void {
  const bytes = <usize>n << 2;
  const whole = <usize>(n & ~3) << 2;
  memory.fill(table, 0, <usize>vocab * bytes);
  for (let i = 0; i < count; i++) {
    const to = table + <usize>load<i32>(ids + (<usize>i << 2)) * bytes;
    let p: usize = 0;
    for (; p < whole; p += 16) v128.store(to + p, f32x4.add(v128.load(to + p), v128.load(rows + p)));
    for (; p < bytes; p += 4) store<f32>(to + p, load<f32>(to + p) + load<f32>(rows + p));
    rows += bytes;
  }
}

/** Whether every id lies in 0 .. vocab - 1. */
export function idsFit(count: i32, vocab: i32, ids: usize): bool {
  for (let i = 0; i < count; i++) {
    if (<u32>load<i32>(ids + (<usize>i << 2)) >= <u32>vocab) return false;
  }
  return true;
}
