// Elementwise kernels: the gated activation, AdamW in place, sums of squares, scaling. Loops take two vectors at a time, all
// loads before all stores, so that a runtime that joins vectors finds the pairs.
import { constants, exp1, exp4At, madd, sqrt1, sumLanes } from './vector';

/** 1 / (1 + e^-x); c as in exp4At */
// @ts-ignore: decorator
@inline
function logistic(x: v128, c: usize): v128 {
  const one = f32x4.splat(1);
  return f32x4.div(one, f32x4.add(one, exp4At(f32x4.neg(x), c)));
}

// @ts-ignore: decorator
@inline
function gated(gate: v128, up: v128, c: usize): v128 {
  return f32x4.mul(f32x4.mul(gate, logistic(gate, c)), up);
}

/** silu(gate)·up */
export function swiglu(n: i32, gate: usize, up: usize, to: usize): void {
  const c = constants;
  const pairs = <usize>(n & ~7) << 2;
  const whole = <usize>(n & ~3) << 2;
  const bytes = <usize>n << 2;
  let p: usize = 0;
  for (; p < pairs; p += 32) {
    const g0 = v128.load(gate + p), g1 = v128.load(gate + p, 16);
    const u0 = v128.load(up + p), u1 = v128.load(up + p, 16);
    const y0 = gated(g0, u0, c), y1 = gated(g1, u1, c + 16);
    v128.store(to + p, y0); v128.store(to + p, y1, 16);
  }
  if (p < whole) {
    v128.store(to + p, gated(v128.load(gate + p), v128.load(up + p), c));
    p += 16;
  }
  for (; p < bytes; p += 4) {
    const g = load<f32>(gate + p);
    const s: f32 = 1 / (1 + exp1(-g));
    store<f32>(to + p, g * s * load<f32>(up + p));
  }
}

/** dy·up·s·(1 + g·(1 - s)), of ds = dy·s */
// @ts-ignore: decorator
@inline
function gateSlope(g: v128, s: v128, ds: v128, up: v128): v128 {
  const one = f32x4.splat(1);
  return f32x4.mul(f32x4.mul(ds, up), madd(g, f32x4.sub(one, s), one));
}

/** dGate = dy·up·s·(1 + g·(1 - s)), dUp = dy·g·s */
export function swigluGradient(n: i32, gate: usize, up: usize, dy: usize, dGate: usize, dUp: usize): void {
  const c = constants;
  const pairs = <usize>(n & ~7) << 2;
  const whole = <usize>(n & ~3) << 2;
  const bytes = <usize>n << 2;
  let p: usize = 0;
  for (; p < pairs; p += 32) {
    const g0 = v128.load(gate + p), g1 = v128.load(gate + p, 16);
    const u0 = v128.load(up + p), u1 = v128.load(up + p, 16);
    const d0 = v128.load(dy + p), d1 = v128.load(dy + p, 16);
    const s0 = logistic(g0, c), s1 = logistic(g1, c + 16);
    const ds0 = f32x4.mul(d0, s0), ds1 = f32x4.mul(d1, s1);
    const toUp0 = f32x4.mul(ds0, g0), toUp1 = f32x4.mul(ds1, g1);
    const toGate0 = gateSlope(g0, s0, ds0, u0), toGate1 = gateSlope(g1, s1, ds1, u1);
    v128.store(dUp + p, toUp0); v128.store(dUp + p, toUp1, 16);
    v128.store(dGate + p, toGate0); v128.store(dGate + p, toGate1, 16);
  }
  if (p < whole) {
    const g = v128.load(gate + p), u = v128.load(up + p);
    const s = logistic(g, c);
    const ds = f32x4.mul(v128.load(dy + p), s);
    v128.store(dUp + p, f32x4.mul(ds, g));
    v128.store(dGate + p, gateSlope(g, s, ds, u));
    p += 16;
  }
  for (; p < bytes; p += 4) {
    const g = load<f32>(gate + p), d = load<f32>(dy + p);
    const s: f32 = 1 / (1 + exp1(-g));
    store<f32>(dUp + p, d * s * g);
    store<f32>(dGate + p, d * s * load<f32>(up + p) * (1 + g * (1 - s)));
  }
}

/** rate · m / (sqrt(v)·rootScale + ε) */
// @ts-ignore: decorator
@inline
function adamStep(m: v128, v: v128, rootScale: v128, epsilon: v128, rate: v128): v128 {
  const deviation = f32x4.add(f32x4.mul(f32x4.sqrt(v), rootScale), epsilon);
  return f32x4.mul(f32x4.div(m, deviation), rate);
}

/**
 * One AdamW update in place: m ← β₁m + (1-β₁)g, v ← β₂v + (1-β₂)g²,
 * θ ← θ·keep - rate · m / (sqrt(v)·rootScale + ε), with rate = η/(1-β₁ᵗ), rootScale = 1/sqrt(1-β₂ᵗ), keep = 1 - ηλ.
 */
export function adamW(
  n: i32, value: usize, m: usize, v: usize, gradient: usize,
  beta1: f32, rest1: f32, beta2: f32, rest2: f32, rate: f32, rootScale: f32, epsilon: f32, keep: f32,
): void {
  const pairs = <usize>(n & ~7) << 2;
  const whole = <usize>(n & ~3) << 2;
  const bytes = <usize>n << 2;
  const b1 = f32x4.splat(beta1), r1 = f32x4.splat(rest1), b2 = f32x4.splat(beta2), r2 = f32x4.splat(rest2);
  const rates = f32x4.splat(rate), scales = f32x4.splat(rootScale), eps = f32x4.splat(epsilon), keeps = f32x4.splat(keep);
  let p: usize = 0;
  for (; p < pairs; p += 32) {
    const g0 = v128.load(gradient + p), g1 = v128.load(gradient + p, 16);
    const m0 = v128.load(m + p), m1 = v128.load(m + p, 16);
    const v0 = v128.load(v + p), v1 = v128.load(v + p, 16);
    const x0 = v128.load(value + p), x1 = v128.load(value + p, 16);
    const newM0 = f32x4.add(f32x4.mul(m0, b1), f32x4.mul(g0, r1)), newM1 = f32x4.add(f32x4.mul(m1, b1), f32x4.mul(g1, r1));
    const newV0 = f32x4.add(f32x4.mul(v0, b2), f32x4.mul(f32x4.mul(g0, g0), r2));
    const newV1 = f32x4.add(f32x4.mul(v1, b2), f32x4.mul(f32x4.mul(g1, g1), r2));
    const y0 = f32x4.sub(f32x4.mul(x0, keeps), adamStep(newM0, newV0, scales, eps, rates));
    const y1 = f32x4.sub(f32x4.mul(x1, keeps), adamStep(newM1, newV1, scales, eps, rates));
    v128.store(m + p, newM0); v128.store(m + p, newM1, 16);
    v128.store(v + p, newV0); v128.store(v + p, newV1, 16);
    v128.store(value + p, y0); v128.store(value + p, y1, 16);
  }
  if (p < whole) {
    const g = v128.load(gradient + p);
    const newM = f32x4.add(f32x4.mul(v128.load(m + p), b1), f32x4.mul(g, r1));
    const newV = f32x4.add(f32x4.mul(v128.load(v + p), b2), f32x4.mul(f32x4.mul(g, g), r2));
    v128.store(m + p, newM);
    v128.store(v + p, newV);
    v128.store(value + p, f32x4.sub(f32x4.mul(v128.load(value + p), keeps), adamStep(newM, newV, scales, eps, rates)));
    p += 16;
  }
  for (; p < bytes; p += 4) {
    const g = load<f32>(gradient + p);
    const m1 = load<f32>(m + p) * beta1 + g * rest1;
    const v1 = load<f32>(v + p) * beta2 + g * g * rest2;
    store<f32>(m + p, m1);
    store<f32>(v + p, v1);
    const update = m1 / (sqrt1(v1) * rootScale + epsilon) * rate;
    store<f32>(value + p, load<f32>(value + p) * keep - update);
  }
}

/** Σ x², in runs of 4096 whose sums add up in double precision. */
export function sumOfSquares(n: i32, x: usize): f64 {
  let total: f64 = 0;
  let left = n;
  while (left >= 4) {
    const run = min(4096, left & ~3);
    const stop = x + (<usize>run << 2);
    let lanes = f32x4.splat(0);
    for (; x < stop; x += 16) {
      const values = v128.load(x);
      lanes = madd(values, values, lanes);
    }
    total += <f64>sumLanes(lanes);
    left -= run;
  }
  for (; left > 0; left--) {
    const value = load<f32>(x);
    total += <f64>value * <f64>value;
    x += 4;
  }
  return total;
}

/** The same, stored as a double. */
export function storeSumOfSquares(n: i32, x: usize, to: usize): void {
  store<f64>(to, sumOfSquares(n, x));
}

/** to = x·factor */
export function scale(n: i32, x: usize, factor: f32, to: usize): void {
  const factors = f32x4.splat(factor);
  const pairs = <usize>(n & ~7) << 2;
  const bytes = <usize>n << 2;
  let p: usize = 0;
  for (; p < pairs; p += 32) {
    const x0 = v128.load(x + p), x1 = v128.load(x + p, 16);
    const y0 = f32x4.mul(x0, factors), y1 = f32x4.mul(x1, factors);
    v128.store(to + p, y0); v128.store(to + p, y1, 16);
  }
  for (; p < bytes; p += 4) store<f32>(to + p, load<f32>(x + p) * factor);
}

/** to = x + y */
export function add(n: i32, x: usize, y: usize, to: usize): void {
  const pairs = <usize>(n & ~7) << 2;
  const bytes = <usize>n << 2;
  let p: usize = 0;
  for (; p < pairs; p += 32) {
    const x0 = v128.load(x + p), x1 = v128.load(x + p, 16);
    const y0 = v128.load(y + p), y1 = v128.load(y + p, 16);
    const z0 = f32x4.add(x0, y0), z1 = f32x4.add(x1, y1);
    v128.store(to + p, z0); v128.store(to + p, z1, 16);
  }
  for (; p < bytes; p += 4) store<f32>(to + p, load<f32>(x + p) + load<f32>(y + p));
}
