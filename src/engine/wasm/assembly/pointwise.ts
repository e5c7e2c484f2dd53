// Elementwise kernels: the gated activation, AdamW in place, sums of squares, scaling.
import { exp1, exp4, madd, sumLanes } from './vector';

/** silu(gate)·up */
export function swiglu(n: i32, gate: usize, up: usize, to: usize): void {
  const whole = <usize>(n & ~3) << 2;
  const bytes = <usize>n << 2;
  const one = f32x4.splat(1);
  let p: usize = 0;
  for (; p < whole; p += 16) {
    const g = v128.load(gate + p);
    const s = f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(g))));
    v128.store(to + p, f32x4.mul(f32x4.mul(g, s), v128.load(up + p)));
  }
  for (; p < bytes; p += 4) {
    const g = load<f32>(gate + p);
    const s: f32 = 1 / (1 + exp1(-g));
    store<f32>(to + p, g * s * load<f32>(up + p));
  }
}

/** dGate = dy·up·s·(1 + g·(1 - s)), dUp = dy·g·s */
export function swigluGradient(n: i32, gate: usize, up: usize, dy: usize, dGate: usize, dUp: usize): void {
  const whole = <usize>(n & ~3) << 2;
  const bytes = <usize>n << 2;
  const one = f32x4.splat(1);
  let p: usize = 0;
  for (; p < whole; p += 16) {
    const g = v128.load(gate + p), d = v128.load(dy + p);
    const s = f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(g))));
    const ds = f32x4.mul(d, s);
    v128.store(dUp + p, f32x4.mul(ds, g));
    v128.store(dGate + p, f32x4.mul(f32x4.mul(ds, v128.load(up + p)), madd(g, f32x4.sub(one, s), one)));
  }
  for (; p < bytes; p += 4) {
    const g = load<f32>(gate + p), d = load<f32>(dy + p);
    const s: f32 = 1 / (1 + exp1(-g));
    store<f32>(dUp + p, d * s * g);
    store<f32>(dGate + p, d * s * load<f32>(up + p) * (1 + g * (1 - s)));
  }
}

/**
 * One AdamW update in place: m ← β₁m + (1-β₁)g, v ← β₂v + (1-β₂)g²,
 * θ ← θ·keep - rate · m / (sqrt(v)·rootScale + ε), with rate = η/(1-β₁ᵗ), rootScale = 1/sqrt(1-β₂ᵗ), keep = 1 - ηλ.
 */
export function adamW(
  n: i32, value: usize, m: usize, v: usize, gradient: usize,
  beta1: f32, rest1: f32, beta2: f32, rest2: f32, rate: f32, rootScale: f32, epsilon: f32, keep: f32,
): void {
  const whole = <usize>(n & ~3) << 2;
  const bytes = <usize>n << 2;
  const b1 = f32x4.splat(beta1), r1 = f32x4.splat(rest1), b2 = f32x4.splat(beta2), r2 = f32x4.splat(rest2);
  const rates = f32x4.splat(rate), scales = f32x4.splat(rootScale), eps = f32x4.splat(epsilon), keeps = f32x4.splat(keep);
  let p: usize = 0;
  for (; p < whole; p += 16) {
    const g = v128.load(gradient + p);
    const m1 = f32x4.add(f32x4.mul(v128.load(m + p), b1), f32x4.mul(g, r1));
    const v1 = f32x4.add(f32x4.mul(v128.load(v + p), b2), f32x4.mul(f32x4.mul(g, g), r2));
    v128.store(m + p, m1);
    v128.store(v + p, v1);
    const deviation = f32x4.add(f32x4.mul(f32x4.sqrt(v1), scales), eps);
    const update = f32x4.mul(f32x4.div(m1, deviation), rates);
    v128.store(value + p, f32x4.sub(f32x4.mul(v128.load(value + p), keeps), update));
  }
  for (; p < bytes; p += 4) {
    const g = load<f32>(gradient + p);
    const m1 = load<f32>(m + p) * beta1 + g * rest1;
    const v1 = load<f32>(v + p) * beta2 + g * g * rest2;
    store<f32>(m + p, m1);
    store<f32>(v + p, v1);
    const update = m1 / (sqrt<f32>(v1) * rootScale + epsilon) * rate;
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

/** to = x·factor */
export function scale(n: i32, x: usize, factor: f32, to: usize): void {
  const factors = f32x4.splat(factor);
  const whole = <usize>(n & ~3) << 2;
  const bytes = <usize>n << 2;
  let p: usize = 0;
  for (; p < whole; p += 16) v128.store(to + p, f32x4.mul(v128.load(x + p), factors));
  for (; p < bytes; p += 4) store<f32>(to + p, load<f32>(x + p) * factor);
}
