// What an optimiser's step needs: AdamW in place and sums of squares, each over a list of spans, which are parts of tensors,
// so that many small tensors take one call. Loops take two vectors at a time, all loads before all stores, so that a runtime
// that joins vectors finds the pairs.
import { madd, sqrt1, sumLanes } from './vector';

/** Bytes of a span of AdamW: the addresses of value, m, v and gradient, the number of values, and keep. */
const ADAM_SPAN: usize = 24;
/** Bytes of a span of squares: the address of the values, their number, and where the sums go. */
const SQUARES_SPAN: usize = 12;
/** Values whose squares add up in single precision. */
const RUN: i32 = 4096;

/** rate · m / (sqrt(v)·rootScale + ε) */
// @ts-ignore: decorator
@inline
function adamStep(m: v128, v: v128, rootScale: v128, epsilon: v128, rate: v128): v128 {
  const deviation = f32x4.add(f32x4.mul(f32x4.sqrt(v), rootScale), epsilon);
  return f32x4.mul(f32x4.div(m, deviation), rate);
}

/**
 * One AdamW update in place of `count` spans, with g = gradient·scale: m ← β₁m + (1-β₁)g, v ← β₂v + (1-β₂)g²,
 * θ ← θ·keep - rate · m / (sqrt(v)·rootScale + ε), with rate = η/(1-β₁ᵗ), rootScale = 1/sqrt(1-β₂ᵗ), keep = 1 - ηλ.
 */
export function adamW(
  count: i32, spans: usize,
  beta1: f32, rest1: f32, beta2: f32, rest2: f32, rate: f32, rootScale: f32, epsilon: f32, scale: f32,
): void {
  const end = spans + <usize>count * ADAM_SPAN;
  for (; spans < end; spans += ADAM_SPAN) {
    update(
      load<i32>(spans, 16), load<u32>(spans), load<u32>(spans, 4), load<u32>(spans, 8), load<u32>(spans, 12),
      beta1, rest1, beta2, rest2, rate, rootScale, epsilon, scale, load<f32>(spans, 20),
    );
  }
}

function update(
  n: i32, value: usize, m: usize, v: usize, gradient: usize,
  beta1: f32, rest1: f32, beta2: f32, rest2: f32, rate: f32, rootScale: f32, epsilon: f32, scale: f32, keep: f32,
): void {
  const pairs = <usize>(n & ~7) << 2;
  const whole = <usize>(n & ~3) << 2;
  const bytes = <usize>n << 2;
  const b1 = f32x4.splat(beta1), r1 = f32x4.splat(rest1), b2 = f32x4.splat(beta2), r2 = f32x4.splat(rest2);
  const rates = f32x4.splat(rate), roots = f32x4.splat(rootScale), eps = f32x4.splat(epsilon);
  const scales = f32x4.splat(scale), keeps = f32x4.splat(keep);
  let p: usize = 0;
  for (; p < pairs; p += 32) {
    const g0 = f32x4.mul(v128.load(gradient + p), scales), g1 = f32x4.mul(v128.load(gradient + p, 16), scales);
    const m0 = v128.load(m + p), m1 = v128.load(m + p, 16);
    const v0 = v128.load(v + p), v1 = v128.load(v + p, 16);
    const x0 = v128.load(value + p), x1 = v128.load(value + p, 16);
    const newM0 = f32x4.add(f32x4.mul(m0, b1), f32x4.mul(g0, r1)), newM1 = f32x4.add(f32x4.mul(m1, b1), f32x4.mul(g1, r1));
    const newV0 = f32x4.add(f32x4.mul(v0, b2), f32x4.mul(f32x4.mul(g0, g0), r2));
    const newV1 = f32x4.add(f32x4.mul(v1, b2), f32x4.mul(f32x4.mul(g1, g1), r2));
    const y0 = f32x4.sub(f32x4.mul(x0, keeps), adamStep(newM0, newV0, roots, eps, rates));
    const y1 = f32x4.sub(f32x4.mul(x1, keeps), adamStep(newM1, newV1, roots, eps, rates));
    v128.store(m + p, newM0); v128.store(m + p, newM1, 16);
    v128.store(v + p, newV0); v128.store(v + p, newV1, 16);
    v128.store(value + p, y0); v128.store(value + p, y1, 16);
  }
  if (p < whole) {
    const g = f32x4.mul(v128.load(gradient + p), scales);
    const newM = f32x4.add(f32x4.mul(v128.load(m + p), b1), f32x4.mul(g, r1));
    const newV = f32x4.add(f32x4.mul(v128.load(v + p), b2), f32x4.mul(f32x4.mul(g, g), r2));
    v128.store(m + p, newM);
    v128.store(v + p, newV);
    v128.store(value + p, f32x4.sub(f32x4.mul(v128.load(value + p), keeps), adamStep(newM, newV, roots, eps, rates)));
    p += 16;
  }
  for (; p < bytes; p += 4) {
    const g = load<f32>(gradient + p) * scale;
    const m1 = load<f32>(m + p) * beta1 + g * rest1;
    const v1 = load<f32>(v + p) * beta2 + g * g * rest2;
    store<f32>(m + p, m1);
    store<f32>(v + p, v1);
    const step = m1 / (sqrt1(v1) * rootScale + epsilon) * rate;
    store<f32>(value + p, load<f32>(value + p) * keep - step);
  }
}

/** How many values make a run, whose sum of squares comes in one number. */
export function squaresRun(): i32 {
  return RUN;
}

/**
 * Σ x² of each of `count` spans, in doubles to be added up in their order: one for each run of values, and one for each value
 * beyond the last whole vector.
 */
export function sumsOfSquares(count: i32, spans: usize): void {
  const end = spans + <usize>count * SQUARES_SPAN;
  for (; spans < end; spans += SQUARES_SPAN) sums(load<i32>(spans, 4), load<u32>(spans), load<u32>(spans, 8));
}

function sums(n: i32, x: usize, to: usize): void {
  let left = n;
  while (left >= 4) {
    const run = min(RUN, left & ~3);
    const stop = x + (<usize>run << 2);
    let lanes = f32x4.splat(0);
    for (; x < stop; x += 16) {
      const values = v128.load(x);
      lanes = madd(values, values, lanes);
    }
    store<f64>(to, <f64>sumLanes(lanes));
    to += 8;
    left -= run;
  }
  for (; left > 0; left--) {
    const value = load<f32>(x);
    store<f64>(to, <f64>value * <f64>value);
    x += 4;
    to += 8;
  }
}
