// Caps on scores: cap·tanh(s / cap), and its slope.
import { exp4, madd } from './vector';

/**
 * tanh in four lanes: by its series where |x| is small (next term below 1e-8), else 1 - 2/(e^2x + 1), which would lose figures
 * there.
 */
// @ts-ignore: decorator
@inline
function tanh4(x: v128): v128 {
  const one = f32x4.splat(1);
  const square = f32x4.mul(x, x);
  let series = madd(square, f32x4.splat(0.021869488536155203), f32x4.splat(-0.05396825396825397));
  series = madd(series, square, f32x4.splat(0.13333333333333333));
  series = madd(series, square, f32x4.splat(-0.3333333333333333));
  series = madd(f32x4.mul(series, square), x, x);
  const far = f32x4.sub(one, f32x4.div(f32x4.splat(2), f32x4.add(exp4(f32x4.add(x, x)), one)));
  return v128.bitselect(series, far, f32x4.lt(f32x4.abs(x), f32x4.splat(0.25)));
}

/** x ← cap·tanh(x·scale / cap) */
export function capRow(n: i32, x: usize, scale: f32, cap: f32): void {
  const inner = f32x4.splat(scale / cap), outer = f32x4.splat(cap);
  const whole = <usize>(n & ~3) << 2;
  const bytes = <usize>n << 2;
  let p: usize = 0;
  for (; p < whole; p += 16) v128.store(x + p, f32x4.mul(tanh4(f32x4.mul(v128.load(x + p), inner)), outer));
  for (; p < bytes; p += 4) {
    const lanes = tanh4(f32x4.mul(f32x4.splat(load<f32>(x + p)), inner));
    store<f32>(x + p, f32x4.extract_lane(f32x4.mul(lanes, outer), 0));
  }
}
