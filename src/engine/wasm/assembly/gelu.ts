// The Gaussian error linear unit and its gradient: by the error function, and by its tanh formula.
import { exp4 } from './vector';

/** √(2/π)·2 and its product with 0.044715: 2u = x·(A + B·x²), and (1 + tanh u)/2 is the logistic function of 2u. */
const A: f32 = 1.5957691216057308;
const B: f32 = 0.07135481627260025;

/** The logistic function of 2u, which stands in the tanh formula for Φ. */
// @ts-ignore: decorator
@inline
function tanhShare(x: v128): v128 {
  const twice = f32x4.mul(x, f32x4.add(f32x4.splat(A), f32x4.mul(f32x4.splat(B), f32x4.mul(x, x))));
  return f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), exp4(f32x4.neg(twice))));
}

/** e^(-x²/2) */
// @ts-ignore: decorator
@inline
function bell(x: v128): v128 {
  return exp4(f32x4.mul(f32x4.mul(x, x), f32x4.splat(-0.5)));
}

/**
 * Φ(x), within 8e-8: half of Abramowitz and Stegun's formula 7.1.26 for the complement of erf at |x|/√2, which keeps its
 * figures in the lower tail.
 */
// @ts-ignore: decorator
@inline
function normalShare(x: v128): v128 {
  const one = f32x4.splat(1);
  const t = f32x4.div(one, f32x4.add(one, f32x4.mul(f32x4.splat(0.3275911 * 0.7071067811865476), f32x4.abs(x))));
  let y = f32x4.add(f32x4.mul(f32x4.splat(1.061405429), t), f32x4.splat(-1.453152027));
  y = f32x4.add(f32x4.mul(y, t), f32x4.splat(1.421413741));
  y = f32x4.add(f32x4.mul(y, t), f32x4.splat(-0.284496736));
  y = f32x4.add(f32x4.mul(y, t), f32x4.splat(0.254829592));
  const tail = f32x4.mul(f32x4.mul(f32x4.mul(y, t), f32x4.splat(0.5)), bell(x));
  return v128.bitselect(tail, f32x4.sub(one, tail), f32x4.lt(x, f32x4.splat(0)));
}

// @ts-ignore: decorator
@inline
function value(x: v128, isTanh: i32): v128 {
  return f32x4.mul(x, isTanh ? tanhShare(x) : normalShare(x));
}

// @ts-ignore: decorator
@inline
function slope(x: v128, isTanh: i32): v128 {
  if (isTanh) {
    // s + x·s·(1 - s)·(2u)'
    const s = tanhShare(x);
    const inner = f32x4.add(f32x4.splat(A), f32x4.mul(f32x4.splat(3 * B), f32x4.mul(x, x)));
    const rise = f32x4.mul(f32x4.mul(s, f32x4.sub(f32x4.splat(1), s)), inner);
    return f32x4.add(s, f32x4.mul(x, rise));
  }
  // Φ + x·φ
  return f32x4.add(normalShare(x), f32x4.mul(x, f32x4.mul(bell(x), f32x4.splat(0.3989422804014327))));
}

export function gelu(n: i32, x: usize, to: usize, isTanh: i32): void {
  const whole = <usize>(n & ~3) << 2;
  const bytes = <usize>n << 2;
  let p: usize = 0;
  for (; p < whole; p += 16) v128.store(to + p, value(v128.load(x + p), isTanh));
  for (; p < bytes; p += 4) store<f32>(to + p, f32x4.extract_lane(value(f32x4.splat(load<f32>(x + p)), isTanh), 0));
}

/** dx = dy·gelu'(x) */
export function geluGradient(n: i32, x: usize, dy: usize, to: usize, isTanh: i32): void {
  const whole = <usize>(n & ~3) << 2;
  const bytes = <usize>n << 2;
  let p: usize = 0;
  for (; p < whole; p += 16) {
    v128.store(to + p, f32x4.mul(v128.load(dy + p), slope(v128.load(x + p), isTanh)));
  }
  for (; p < bytes; p += 4) {
    const rise = f32x4.extract_lane(slope(f32x4.splat(load<f32>(x + p)), isTanh), 0);
    store<f32>(to + p, load<f32>(dy + p) * rise);
  }
}
