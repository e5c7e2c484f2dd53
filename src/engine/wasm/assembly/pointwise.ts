// Elementwise kernels: the gated activation and addition. Loops take two vectors at a time, all loads before all stores, so
// that a runtime that joins vectors finds the pairs.
import { constants, exp1, exp4At, madd } from './vector';

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
